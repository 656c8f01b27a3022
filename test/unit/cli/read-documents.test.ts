import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { DocumentInput } from '../../../src/client/client.ts'
import { UsageError } from '../../../src/cli/options.ts'
import { listFiles, readDocuments } from '../../../src/cli/read-documents.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearfield-cli-'))
  mkdirSync(join(folder, 'notes', 'deep'), { recursive: true })
})

const write = (path: string, text: string): void => writeFileSync(join(folder, path), text)

async function read(...paths: string[]): Promise<DocumentInput[]> {
  const documents: DocumentInput[] = []
  for (const file of listFiles(paths, folder).files) {
    for await (const { document } of readDocuments(file)) documents.push(document)
  }
  return documents
}

describe('files become documents', () => {
  it('with the relative path as id, in a stable order, each file once', async () => {
    write('notes/b.md', '# Title of b\n\nText.')
    write('notes/deep/a.txt', 'Plain.')
    write('notes/c.html', '<title>Title of c</title><p>Text.')
    write('notes/d.pdf', 'passed over')
    expect(await read('notes', 'notes/b.md')).toEqual([
      { id: 'notes/b.md', title: 'Title of b', markdown: '# Title of b\n\nText.', metadata: { path: 'notes/b.md' } },
      {
        id: 'notes/c.html',
        title: 'Title of c',
        html: '<title>Title of c</title><p>Text.',
        metadata: { path: 'notes/c.html' },
      },
      { id: 'notes/deep/a.txt', title: 'a.txt', text: 'Plain.', metadata: { path: 'notes/deep/a.txt' } },
    ])
  })

  it('and counts the files of other kinds, but not hidden ones', () => {
    write('notes/a.txt', 'Text.')
    write('notes/d.pdf', 'passed over')
    write('notes/deep/e.png', 'passed over')
    write('notes/.hidden', 'not counted')
    expect(listFiles(['notes', 'notes/deep'], folder)).toMatchObject({ files: [{ id: 'notes/a.txt' }], passedOver: 2 })
  })

  it('with ids from beside what was named, where it lies outside', async () => {
    write('notes/b.md', 'Text.')
    mkdirSync(join(folder, 'elsewhere'))
    const { files } = listFiles(['../notes'], join(folder, 'elsewhere'))
    expect(files[0]?.id).toBe('notes/b.md')
  })

  it('from json: one document, a list, or a list under documents; unknown fields are metadata', async () => {
    write('one.json', JSON.stringify({ text: 'One.', year: 2021 }))
    write(
      'list.json',
      JSON.stringify([
        { id: 7, text: 'Two.' },
        { text: 'Three.', metadata: { a: 1 }, b: 2 },
      ]),
    )
    write('wrapped.json', JSON.stringify({ documents: [{ _id: 'w', title: '', text: 'Four.' }] }))
    expect(await read('one.json', 'list.json', 'wrapped.json')).toEqual([
      { id: 'one.json', text: 'One.', metadata: { year: 2021 } },
      { id: '7', text: 'Two.' },
      { id: 'list.json#2', text: 'Three.', metadata: { a: 1, b: 2 } },
      { id: 'w', text: 'Four.' },
    ])
  })

  it('with their acl as it stands, so that nothing becomes visible by mistake', async () => {
    write(
      'acl.jsonl',
      '{"id":"a","text":"A.","acl":["user:1"]}\n{"id":"b","text":"B.","acl":""}\n{"id":"c","text":"C.","acl":null}',
    )
    expect(await read('acl.jsonl')).toEqual([
      { id: 'a', text: 'A.', acl: ['user:1'] },
      { id: 'b', text: 'B.', acl: '' },
      { id: 'c', text: 'C.' },
    ])
  })

  it('from jsonl, a line each, empty lines passed over, with the line in an error', async () => {
    write('x.jsonl', '{"_id":"a","text":"A."}\n\n{"text":"B."}\r\n')
    expect(await read('x.jsonl')).toEqual([
      { id: 'a', text: 'A.' },
      { id: 'x.jsonl#3', text: 'B.' },
    ])
    write('bad.jsonl', '{"text":"A."}\n{oops\n')
    await expect(read('bad.jsonl')).rejects.toThrow(/bad\.jsonl:2/)
    write('value.jsonl', '3\n')
    await expect(read('value.jsonl')).rejects.toThrow(UsageError)
  })

  it('and what is not there or cannot be read is a usage error', async () => {
    write('x.pdf', '')
    expect(() => listFiles(['missing'], folder)).toThrow(UsageError)
    expect(() => listFiles(['x.pdf'], folder)).toThrow(UsageError)
  })
})
