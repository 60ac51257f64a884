/** The language of the page at an element: that of the nearest ancestor which has one, else the visitor's. */
export function localeOf(element: Element): string {
  for (let at: Element | null = element; at !== null; ) {
    const found: Element | null = at.closest('[lang]');
    const lang = found?.getAttribute('lang') ?? '';
    if (lang !== '') return lang;
    const root: Node = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.language;
}
