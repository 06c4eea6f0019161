/** Markup that goes into a page as it is; everything else is text. */
export type Html = { readonly html: string }
type Value = Html | string | number | null | readonly (Html | null)[]

/** A template of HTML or SVG. Values in it are escaped, except results of this function. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: String.raw({ raw: parts }, ...values.map(markupOf)) }
}

/** Our own markup that must not be escaped: the style sheet. */
export const raw = (markup: string): Html => ({ html: markup })

function markupOf(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return 'html' in value ? value.html : value.map(markupOf).join('')
}

// Polls and users may have any text: characters that are not allowed in a page are shown as the replacement character.
const UNSHOWABLE = /[[\p{Cc}--[\t\n]]\p{Noncharacter_Code_Point}]/gv
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSHOWABLE, '\uFFFD')
    .replace(/[&<>"]/g, (it) => ENTITIES[it] ?? it)
}

/** A table of texts. If the page is too narrow, the table scrolls. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Html =>
  html`<div class="wide" role="region" tabindex="0" aria-label="${head.join(', ')}"><table><thead><tr>${head.map((it) => html`<th scope="col">${it}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((it) => html`<td>${it}</td>`)}</tr>`)}</tbody></table></div>`
