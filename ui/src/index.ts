import { ResolutionCenterElement } from './element.ts';

export { ResolutionCenterElement };

// Two copies of the module in one page, of two versions say, must not break it: the first one counts.
if (customElements.get('resolution-center') === undefined) {
  customElements.define('resolution-center', ResolutionCenterElement);
}
