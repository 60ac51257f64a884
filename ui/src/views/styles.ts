import { css } from 'lit';

/**
 * The look. Colours follow the page's `color-scheme`; each can be replaced by its `--rc-*` property. Text pairs have at least
 * 4.5 : 1, which a test checks in both schemes.
 */
export const styles = css`
  :host {
    --_card: var(--rc-card, light-dark(#ffffff, #171b21));
    --_inset: var(--rc-inset, light-dark(#f6f7f9, #0f1216));
    --_ink: var(--rc-ink, light-dark(#14181f, #eef1f5));
    --_secondary: var(--rc-secondary, light-dark(#5b6472, #9aa4b2));
    --_line: var(--rc-line, light-dark(#e3e7ed, #262c35));
    --_control: var(--rc-control, light-dark(#8b95a5, #667080));
    --_accent: var(--rc-accent, light-dark(#2457d6, #7aa2ff));
    --_on-accent: var(--rc-on-accent, light-dark(#ffffff, #0f1216));
    --_accent-soft: var(--rc-accent-soft, light-dark(#edf2ff, #1a2540));
    --_warm: var(--rc-warm, light-dark(#8a5000, #f0c46b));
    --_warm-soft: var(--rc-warm-soft, light-dark(#fff5e2, #2a2314));
    --_danger: var(--rc-danger, light-dark(#b3261e, #ff9d94));
    --_radius: var(--rc-radius, 14px);
    --_control-radius: var(--rc-control-radius, 10px);
    --_gap: var(--rc-gap, 24px);
    display: block;
    container-type: inline-size;
    color: var(--_ink);
    font: var(--rc-font, 400 15px / 1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif);
    overflow-wrap: anywhere;
  }
  :host([hidden]) { display: none; }
  *, ::before, ::after { box-sizing: border-box; }
  h2, h3, p, ol, ul, dl, dd, blockquote, fieldset, legend { margin: 0; padding: 0; }
  ol, ul { list-style: none; }
  /* What is written has the direction of its own language, and its place that of the page. */
  :is(h2, h3, p, dd, li, label, legend, blockquote, .name, .secondary) { unicode-bidi: plaintext;
    text-align: -webkit-match-parent; text-align: match-parent; }
  fieldset { border: 0; min-inline-size: 0; }
  h2 { font-size: 17px; line-height: 24px; font-weight: 650; }
  h3 { font-size: 16px; line-height: 24px; font-weight: 650; }
  h3.quiet { font-size: 13px; line-height: 20px; color: var(--_secondary); font-weight: 600; }
  [tabindex='-1']:focus { outline: none; }
  .secondary { color: var(--_secondary); font-size: 13px; line-height: 20px; }
  .hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

  .card { background: var(--_card); border: 1px solid var(--_line); border-radius: var(--_radius); overflow: clip;
    box-shadow: var(--rc-shadow, 0 1px 2px rgb(20 24 31 / 0.04)); }
  .card > * { padding: var(--_gap); }
  .card > * + * { border-block-start: 1px solid var(--_line); }
  header { display: grid; gap: 4px; }
  header span:not([aria-hidden]), .timeline time { display: inline-block; }

  .request, .outcome, .form, .chooser, .timeline, dialog form, .empty, .placeholder { display: grid; gap: 16px; }
  .chooser fieldset { gap: 8px; display: grid; }
  .outcome { gap: 12px; }
  .outcome h3 + .secondary { margin-block-start: -8px; }
  .line { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; justify-content: space-between; }
  .line h3 { flex: 1 1 12ch; }
  .pill { padding: 3px 10px; border-radius: 999px; font-size: 12px; line-height: 18px; font-weight: 600;
    background: var(--_accent-soft); color: var(--_accent); }
  .pill.warm { background: var(--_warm-soft); color: var(--_warm); }
  dl { display: grid; grid-template-columns: minmax(88px, max-content) 1fr; gap: 8px 16px; }
  .fact { display: contents; }
  .before { display: block; }
  dt { color: var(--_secondary); font-size: 14px; }
  dd { font-size: 14px; }
  .extras li { display: flex; justify-content: space-between; gap: 16px; }
  .extras .total { border-block-start: 1px solid var(--_line); margin-block-start: 4px; padding-block-start: 4px; font-weight: 600; }
  .price { font-variant-numeric: tabular-nums; white-space: nowrap; }
  blockquote { background: var(--_inset); border-radius: var(--_control-radius); padding: 12px 14px; white-space: pre-wrap;
    font-size: 14px; line-height: 21px; }

  .countdown { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; padding: 16px; border-radius: var(--_control-radius);
    background: var(--_warm-soft); color: var(--_warm); }
  .clock { font-size: 24px; line-height: 28px; font-weight: 700; font-variant-numeric: tabular-nums; white-space: nowrap; display: grid; }
  .days { font-size: 13px; line-height: 16px; }
  .deadline { flex: 1 1 22ch; font-size: 13.5px; line-height: 19px; }
  .deadline strong { font-weight: 650; display: inline-block; }

  .actions { display: flex; flex-wrap: wrap; gap: 10px; }
  button { font: inherit; font-weight: 600; line-height: 22px; padding: 8px 14px; min-block-size: 40px; border-radius: var(--_control-radius);
    border: 1px solid var(--_line); background: var(--_card); color: var(--_ink); cursor: pointer; text-align: start;
    transition: background-color 120ms, border-color 120ms; }
  button:hover:not(:disabled) { border-color: var(--_control); }
  button.primary { background: var(--_accent); border-color: var(--_accent); color: var(--_on-accent); }
  button.primary:hover:not(:disabled) { background: color-mix(in oklab, var(--_accent), var(--_ink) 12%); }
  button.danger { color: var(--_danger); }
  button.small { padding-block: 4px; min-block-size: 36px; justify-self: start; }
  button.link { border-color: transparent; background: none; color: var(--_accent); padding: 4px 0; min-block-size: 28px; justify-self: start; }
  button.link:hover:not(:disabled) { border-color: transparent; text-decoration: underline; }
  button[aria-disabled='true'] { cursor: progress; opacity: 0.5; }
  button:disabled { cursor: not-allowed; color: var(--_secondary); background: var(--_inset); border-color: var(--_line); }
  :is(button, input, select, textarea, summary):focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }

  .option { display: flex; gap: 12px; padding: 12px 14px; border: 1px solid var(--_line); border-radius: var(--_control-radius); cursor: pointer; }
  .option:first-of-type { margin-block-start: 8px; }
  .option:hover:not(.off, :has(:checked)) { border-color: var(--_control); }
  .option:has(:checked) { border-color: var(--_accent); background: var(--_accent-soft); }
  .option:has(:focus-visible) { outline: 2px solid var(--_accent); outline-offset: 2px; }
  .option input { margin: 3px 0 0; inline-size: 16px; block-size: 16px; accent-color: var(--_accent); flex: none; outline: none; }
  .option > span { display: grid; gap: 2px; }
  .option .name { font-weight: 600; }
  .option.off { cursor: not-allowed; background: var(--_inset); }
  .option.off .name { color: var(--_secondary); }

  .field { display: grid; gap: 4px; }
  .field p:empty { display: none; }
  .field label, legend { font-weight: 600; font-size: 14px; }
  .field label .secondary, legend .secondary { font-weight: 400; }
  input:not([type='radio']), select, textarea { font: inherit; inline-size: 100%; padding: 8px 12px; min-block-size: 40px; color: inherit;
    background: var(--_card); border: 1px solid var(--_control); border-radius: var(--_control-radius); }
  textarea { resize: vertical; display: block; }
  [aria-invalid='true'] { border-color: var(--_danger); }
  .fault { color: var(--_danger); font-size: 13px; line-height: 20px; font-weight: 600; }
  .extras-form { display: grid; gap: 12px; }
  .extras-form legend { margin-block-end: 8px; }
  .extra { display: grid; gap: 12px; padding: 14px; border: 1px solid var(--_line); border-radius: var(--_control-radius); }

  .blocked { display: grid; gap: 8px; font-size: 13px; line-height: 20px; color: var(--_secondary); }
  .blocked strong { display: block; color: var(--_ink); font-weight: 600; }
  .card > .foot { padding-block: 16px; }
  .others summary { cursor: pointer; font-size: 13px; line-height: 20px; color: var(--_secondary); font-weight: 600; border-radius: 4px; }
  .others[open] summary { margin-block-end: 8px; }

  .timeline { gap: 12px; }
  .timeline li { display: grid; gap: 8px; padding-inline-start: 22px; position: relative; font-size: 14px; }
  .timeline li:not(:last-child) { padding-block-end: 12px; }
  .timeline li:not(:last-child)::after { content: ''; position: absolute; inset-inline-start: 5.5px; inset-block: 19px -3px; inline-size: 1px; background: var(--_line); }
  .timeline li::before { content: ''; position: absolute; inset-inline-start: 2px; inset-block-start: 7px; inline-size: 8px; block-size: 8px;
    border-radius: 50%; background: var(--_control); }
  .timeline li:is(.you, .client, .freelancer)::before { background: var(--_accent); }

  .banner { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; align-items: center; padding: 12px var(--_gap);
    background: var(--_warm-soft); color: var(--_warm); font-size: 13px; line-height: 20px; }
  .banner button.link { color: inherit; text-decoration: underline; }
  .closed p { color: var(--_secondary); }
  .empty { justify-items: start; }
  .bar { display: block; block-size: 14px; inline-size: 40%; border-radius: 7px; background: var(--_line); animation: breathe 1.6s ease-in-out infinite; }
  .bar.wide { inline-size: 70%; }
  .bar.block { block-size: 64px; inline-size: 100%; border-radius: var(--_control-radius); }
  @keyframes breathe { 50% { opacity: 0.5; } }

  dialog { inline-size: min(480px, calc(100vw - 32px)); max-block-size: calc(100dvh - 32px); padding: var(--_gap); border: 1px solid var(--_line);
    border-radius: var(--_radius); background: var(--_card); color: var(--_ink); font: inherit; box-shadow: 0 16px 48px rgb(20 24 31 / 0.24); }
  dialog::backdrop { background: rgb(15 18 22 / 0.5); }
  .effects:empty, .timeline:empty { display: none; }

  @container (max-width: 400px) {
    .card > *, .banner { padding-inline: 16px; }
    dl { grid-template-columns: 1fr; }
    .fact { display: block; }
    .line h3 { flex-basis: 100%; }
  }
  @container (min-width: 440px) {
    .extra { grid-template-columns: 2fr 1fr; align-items: start; }
  }
  @media (prefers-reduced-motion: reduce) {
    *, ::before, ::after { animation: none !important; transition: none !important; }
  }
  @media (forced-colors: active) {
    .timeline li::before { background: CanvasText; }
    .pill, .countdown, .banner { border: 1px solid; }
  }
`;
