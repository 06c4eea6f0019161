import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { test } from 'tap'
import { CATALOGUE } from '../../server/errors.ts'
import { decodeDetails } from '../details.ts'

const ROOT = join(import.meta.dirname, '../..')
const page = await readFile(join(ROOT, 'docs/errors.md'), 'utf8')
const nginx = await readFile(join(ROOT, 'provisioning/loader/nginx.conf'), 'utf8')

type Row = { name: string; code: string; certainty: string; retry: string; cause: string; fix: string }

/** The rows of the table below a heading; their first cell is a name. */
function rowsBelow(heading: string): Row[] {
  const [, section] = new RegExp(`^## ${heading}\n((?:.|\n)*?)(?=^## |$(?![\r\n]))`, 'm').exec(page) ?? []
  const lines = (section ?? '').split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => {
    const [name = '', code = '', certainty = '', retry = '', cause = '', fix = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    return { name: name.replaceAll('`', ''), code, certainty, retry, cause, fix }
  })
}

test('the page lists every error of the servers, in the words of the catalogue', async (t) => {
  const catalogue = Object.entries(CATALOGUE).map(([name, { code, certainty, retry, cause, fix }]) => ({
    name,
    code: status[code],
    certainty,
    retry,
    cause,
    fix,
  }))
  t.same(rowsBelow('From the servers'), catalogue)
})

test('the page lists what the balancer answers by itself, and all that it says of an error agrees', async (t) => {
  const blocks = [...nginx.matchAll(/location (?:@|= \/)(?:unanswered|refused) \{([^}]*)\}/g)].map(
    ([, block]) => block ?? '',
  )
  const said = blocks.map((block) => {
    const header = (name: string) => new RegExp(`add_header ${name} "?([^"\n]*?)"? always;`).exec(block)?.[1] ?? ''
    const details = decodeDetails(Buffer.from(header('grpc-status-details-bin'), 'base64'))
    t.match(details, { code: Number(header('grpc-status')), message: header('grpc-message') })
    t.match(details.ErrorInfo, {
      reason: header('x-failure'),
      domain: 'polling',
      metadata: new Map([['certainty', header('x-certainty')]]),
    })
    t.ok(header('grpc-message').includes(`(${header('x-certainty')}: `))
    return {
      name: header('x-failure'),
      code: status[details.code],
      certainty: header('x-certainty'),
      retry: details.ErrorInfo?.metadata.get('retry'),
    }
  })
  t.same(
    rowsBelow('From the balancer').map(({ name, code, certainty, retry }) => ({ name, code, certainty, retry })),
    said,
  )
})
