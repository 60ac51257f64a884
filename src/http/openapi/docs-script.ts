/**
 * Runs in the reference page, before Swagger UI starts: fills the parts of addresses in all forms with what the last call
 * was about. An order that was reported, or a dispute that was opened, is then the one in each form that takes one.
 */
export const DOCS_SCRIPT = `
(() => {
  const bundle = window.SwaggerUIBundle;

  /** The parameters of documented paths that an address fills in: {'/v1/disputes/{id}': {name: 'id', value: '0198…'}}. */
  const filledBy = (address, paths) => {
    const filled = new Map();
    for (const path of paths) {
      const found = /^(.*?)\\{(\\w+)\\}/.exec(path);
      if (found === null || !address.startsWith(found[1])) continue;
      const value = address.slice(found[1].length).split(/[/?]/)[0];
      if (value !== '') filled.set(found[0], { name: found[2], value: decodeURIComponent(value) });
    }
    return filled;
  };

  /** What the forms are filled with already: each change has the whole page drawn anew. */
  const carried = new Map();

  const carryOn = (system, address) => {
    const paths = system.specSelectors.paths();
    const filled = filledBy(address, [...paths.keys()]);
    for (const [path, methods] of paths.entries()) {
      for (const [owner, { name, value }] of filled) {
        if (!path.startsWith(owner) || carried.get(owner) === value) continue;
        for (const method of methods.keys()) system.specActions.changeParam([path, method], name, 'path', value, false);
      }
    }
    for (const [owner, { value }] of filled) carried.set(owner, value);
  };

  const plugin = () => ({
    statePlugins: {
      spec: {
        wrapActions: {
          setResponse: (original, system) => (path, method, response) => {
            const result = original(path, method, response);
            if (response.ok) {
              carryOn(system, new URL(response.url).pathname);
              const { location } = response.headers ?? {};
              if (location !== undefined) carryOn(system, location);
            }
            return result;
          },
        },
      },
    },
  });

  const start = (config) => bundle({ ...config, plugins: [...config.plugins, plugin] });
  window.SwaggerUIBundle = Object.assign(start, bundle);
})();
`;
