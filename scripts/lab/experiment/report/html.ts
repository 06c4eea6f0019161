/** Markup that may go into a page as it is; everything else is text. */
export type Html = { readonly html: string }
type Value = Html | string | number | null | readonly (Html | null)[]

/** A template of HTML or SVG: what is put into it is escaped, unless it is itself made by this. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: String.raw({ raw: parts }, ...values.map(markupOf)) }
}

/** Markup of our own that is not to be escaped: a style sheet. */
export const raw = (markup: string): Html => ({ html: markup })

function markupOf(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return 'html' in value ? value.html : value.map(markupOf).join('')
}

// Polls and users are open input: characters that a page must not contain are shown as the one for "cannot be shown".
const UNSHOWABLE = /[[\p{Cc}--[\t\n]]\p{Noncharacter_Code_Point}]/gv
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSHOWABLE, '\uFFFD')
    .replace(/[&<>"]/g, (it) => ENTITIES[it] ?? it)
}

/** A table of texts, which scrolls by itself where the page is narrower. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Html =>
  html`<div class="wide" role="region" tabindex="0" aria-label="${head.join(', ')}"><table><thead><tr>${head.map((it) => html`<th scope="col">${it}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((it) => html`<td>${it}</td>`)}</tr>`)}</tbody></table></div>`
