/** Books of the fixture library. */
import { writeEpub } from '../office-writer.ts'
import { cutOff, ENTITIES, fixture } from './hostile-parts.ts'
import type { LibraryEntry } from './library-entry.ts'

export const entries: readonly LibraryEntry[] = [
  {
    name: 'reise.epub',
    bytes: () =>
      writeEpub([
        { file: 'erstes kapitel.xhtml', title: 'Aufbruch', body: '<p>Wir fuhren früh los.</p>' },
        { file: 'c2.xhtml', title: 'Ankunft (Inhalt)', body: '<h2>Ankunft</h2><p>Es wurde spät.<a id="x"/> Sehr.</p>' },
      ]),
    expect: {
      format: 'epub',
      documents: [
        {
          title: 'Die Reise',
          language: 'de',
          metadata: { author: 'Anna Über, Bo Öl', created: '2020-05-01T00:00:00.000Z' },
          contains: ['Aufbruch\n\nWir fuhren früh los.\n\nAnkunft\n\nEs wurde spät. Sehr.'],
          lacks: ['Inhalt'],
        },
      ],
    },
  },
  {
    name: 'alt.epub',
    bytes: () =>
      writeEpub([{ file: 'a.html', title: 'Anfang', body: '<p>Nur ein Satz&nbsp;hier.</p>' }], { isNcx: true }),
    expect: { format: 'epub', documents: [{ contains: ['Anfang\n\nNur ein Satz hier.'] }] },
    note: 'EPUB 2',
  },
  {
    name: 'writer.epub',
    bytes: fixture('writer-german.epub'),
    expect: {
      format: 'epub',
      documents: [{ title: 'Wartung der Wärmepumpe', contains: ['Übersicht\n\nDie Wärmepumpe', 'Schluss\n\nFragen'] }],
    },
  },
  {
    name: '保守.epub',
    bytes: fixture('writer-japanese.epub'),
    expect: {
      format: 'epub',
      documents: [{ contains: ['点検の手順', '毎年四月に点検を行います。'], lacks: ['てんけん'] }],
    },
  },
  {
    name: 'protected.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '<p>x</p>' }], {
        parts: {
          'META-INF/encryption.xml':
            '<encryption><EncryptedData><CipherData><CipherReference URI="OEBPS/a.xhtml"/></CipherData></EncryptedData></encryption>',
        },
      }),
    expect: { code: 'encrypted_file' },
  },
  {
    name: 'scrambled fonts.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '<p>readable</p>' }], {
        parts: { 'META-INF/encryption.xml': '<encryption><CipherReference URI="OEBPS/font.otf"/></encryption>' },
      }),
    expect: { format: 'epub', documents: [{ contains: ['readable'] }] },
  },
  { name: 'cut off.epub', bytes: () => cutOff(fixture('writer-german.epub')()), expect: { code: 'malformed_file' } },
  {
    name: 'pictures only.epub',
    bytes: () => writeEpub([{ file: 'a.xhtml', body: '<img src="a.png"/>' }]),
    expect: { code: 'no_text' },
  },
  {
    name: 'entity bomb.epub',
    bytes: () =>
      writeEpub([{ file: 'a.xhtml', body: '' }], { parts: { 'OEBPS/a.xhtml': `${ENTITIES}<html>&b;</html>` } }),
    expect: { code: 'malformed_file' },
  },
  {
    name: 'no package.epub',
    bytes: () => writeEpub([], { parts: { 'META-INF/container.xml': '<container/>' } }),
    expect: { code: 'malformed_file' },
  },
]
