import { ResolutionCenterElement } from './element.ts';

export type { ChangeDetail, ErrorDetail } from './element.ts';
export type { GetToken } from './http.ts';
export { ResolutionCenterElement };

declare global {
  interface HTMLElementTagNameMap {
    'resolution-center': ResolutionCenterElement;
  }
}

// Two copies of the module in one page, of two versions say, must not break it: the first one counts.
if (customElements.get('resolution-center') === undefined) {
  customElements.define('resolution-center', ResolutionCenterElement);
}
