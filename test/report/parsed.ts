import { type DefaultTreeAdapterMap, defaultTreeAdapter, parse, serialize } from 'parse5'

type Element = DefaultTreeAdapterMap['element']
type Node = DefaultTreeAdapterMap['node']

/** A page as a browser reads it, with what a browser had to put right in it. */
export function parsed(page: string): { elements: Element[]; text: string; problems: string[] } {
  const problems: string[] = []
  // Spaces outside of the root are no part of a document.
  const written = page.replace('>\n<html', '><html').trimEnd()
  const document = parse(written, {
    onParseError: ({ code, startLine, startCol }) => problems.push(`${code} at ${startLine}:${startCol}`),
  })
  // What was left open, nested wrongly or implied comes out otherwise than it went in.
  const [went, came] = [plain(written), plain(serialize(document))]
  if (went !== came) {
    const parting = [...went].findIndex((it, index) => it !== came[index])
    problems.push(`read otherwise than written: …${went.slice(Math.max(0, parting - 60), parting + 60)}…`)
  }
  const elements: Element[] = []
  const texts: string[] = []
  function visit(node: Node): void {
    if (defaultTreeAdapter.isTextNode(node)) texts.push(node.value)
    if (defaultTreeAdapter.isElementNode(node)) elements.push(node)
    if ('childNodes' in node && !('tagName' in node && node.tagName === 'style')) node.childNodes.forEach(visit)
  }
  visit(document)
  return { elements, text: texts.join(' ').replaceAll('\u00a0', ' '), problems }
}

/** The value of an attribute. */
export const attribute = ({ attrs }: Element, name: string): string | undefined =>
  attrs.find((it) => it.name === name)?.value

// The same character may be written in several ways.
const plain = (page: string): string =>
  page.replaceAll('&quot;', '"').replaceAll('&nbsp;', '\u00a0').replaceAll('&lt;', '<').replaceAll('&gt;', '>')
