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

describe('what is uploaded', () => {
  it('is listed under relative paths, in a stable order, each file once', () => {
    for (const name of ['notes/b.md', 'notes/deep/a.pdf', 'notes/c.html']) write(name, 'Text.')
    expect(listFiles(['notes', 'notes/b.md'], folder).files.map(({ name }) => name)).toEqual([
      'notes/b.md',
      'notes/c.html',
      'notes/deep/a.pdf',
    ])
    expect(listFiles(['notes'], folder, ['deep']).files).toHaveLength(2)
  })

  it('leaves out kinds without text and counts them, unless they are named, but not hidden files', () => {
    write('notes/a.txt', 'Text.')
    write('notes/d.mp3', 'passed over')
    write('notes/deep/e.png', 'passed over')
    write('notes/.hidden', 'not counted')
    const { files, passedOver } = listFiles(['notes', 'notes/deep'], folder)
    expect([files.map(({ name }) => name), passedOver.length]).toEqual([['notes/a.txt'], 2])
    expect(listFiles(['notes/d.mp3'], folder).files).toHaveLength(1)
  })

  it('is named from beside what was named, where it lies outside', () => {
    write('notes/b.md', 'Text.')
    mkdirSync(join(folder, 'elsewhere'))
    const { files } = listFiles(['../notes'], join(folder, 'elsewhere'))
    expect(files[0]?.name).toBe('notes/b.md')
  })

  it('must be there', () => {
    expect(() => listFiles(['missing'], folder)).toThrow(UsageError)
  })
})

describe('json and jsonl become documents', () => {
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
})
