import project from '../../package.json' with { type: 'json' };

/** The version of this build: package.json has the only copy, and the build puts it into the bundle. */
export const VERSION: string = project.version;
