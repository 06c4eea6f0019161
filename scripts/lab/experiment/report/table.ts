import { type Html, html } from './html.ts'

/** A table of texts. If the page is too narrow, the table scrolls. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Html =>
  html`<div class="wide" role="region" tabindex="0" aria-label="${head.join(', ')}"><table><thead><tr>${head.map((it) => html`<th scope="col">${it}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((it) => html`<td>${it}</td>`)}</tr>`)}</tbody></table></div>`
