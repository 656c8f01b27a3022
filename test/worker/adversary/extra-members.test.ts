/**
 * Mass assignment: a member that the document does not list is refused by name, in every object of every body, with
 * nothing done. Driven from the OpenAPI document, so a new body is tested by being documented.
 */
import { expect, it } from 'vitest'
import { validBody } from '../../adversary/bodies.ts'
import { Canaries } from '../../adversary/canaries.ts'
import { propertiesOf, resolved } from '../../adversary/json-schema.ts'
import type { Schema } from '../../adversary/json-schema.ts'
import { FORBIDDEN_MEMBERS } from '../../adversary/mutations.ts'
import { PlantedTenant } from '../../adversary/planted-tenant.ts'
import { filledPath, isForOperator, surfaceOf } from '../../adversary/surface.ts'
import { Dice, jsonOf } from '../../adversary/wire.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { makeWorld } from '../http/http-harness.ts'
import { appWire } from './app-wire.ts'

type Members = Record<string, unknown>

interface Spot {
  readonly pointer: string
  /** The object in a copy of the whole body. */
  readonly of: (body: unknown) => Members
}

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

it('refuses a member that nobody listed, by name, in every object of every body', { timeout: 120_000 }, async () => {
  const world = await makeWorld()
  const send = appWire(world)
  const surface = await surfaceOf(send)
  const { components } = surface
  const dice = new Dice(seededRandom(28))
  const { rootKey } = world
  const tenant = await PlantedTenant.create({ send, surface, canaries: new Canaries(dice), dice, rootKey }, 'm')

  /** Of several forms that a body may have, the one that this value has. */
  function alternativeFor(schema: Schema, value: unknown): Schema {
    const forms = (schema['anyOf'] ?? schema['oneOf'] ?? []) as readonly Schema[]
    const fits = (form: Schema): boolean =>
      isMembers(value) && Object.keys(value).every((name) => name in propertiesOf(form, components))
    const form = forms.find(fits)
    return form === undefined ? schema : resolved(form, components)
  }

  /** Objects of a body whose members the document lists: where nothing else may stand. */
  function spotsOf(schema: Schema, value: unknown, pointer: string, of: (body: unknown) => unknown): Spot[] {
    const known = alternativeFor(resolved(schema, components), value)
    if (Array.isArray(value)) {
      const items = known['items'] as Schema | undefined
      if (items === undefined) return []
      return value.flatMap((item, i) => spotsOf(items, item, `${pointer}/${i}`, (body) => (of(body) as unknown[])[i]))
    }
    const properties = known['properties']
    if (!isMembers(value) || !isMembers(properties)) return []
    return [
      ...(known['additionalProperties'] === false ? [{ pointer, of: of as Spot['of'] }] : []),
      ...Object.entries(value).flatMap(([name, member]) =>
        isMembers(properties[name])
          ? spotsOf(properties[name], member, `${pointer}/${name}`, (body) => (of(body) as Members)[name])
          : [],
      ),
    ]
  }

  const faults: string[] = []
  let [attempts, nested] = [0, 0]
  const bodied = surface.operations.filter(({ body }) => body?.mediaType === 'application/json')
  for (const operation of bodied) {
    const names = { dice, query: 'heron', collection: tenant.openCollection, document: 'spare' }
    const body = validBody(operation, names)
    const spots = spotsOf(operation.body?.schema ?? {}, body, '', (whole) => whole)
    if (!spots.some(({ pointer }) => pointer === '')) faults.push(`${operation.id}: its body is open`)
    const path = filledPath(
      operation.path,
      operation.places.map((place) => tenant.places.get(place)?.own ?? 'x'),
    )
    const key = isForOperator(operation) ? rootKey : tenant.key
    for (const { pointer, of } of spots) {
      for (const name of FORBIDDEN_MEMBERS) {
        const copy: unknown = structuredClone(body)
        const holder = of(copy)
        if (Object.hasOwn(holder, name)) continue
        Object.defineProperty(holder, name, { value: 'acme', enumerable: true })
        const answer = await send({
          method: operation.method,
          path,
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify(copy),
        })
        attempts++
        if (pointer !== '') nested++
        const { errors = [] } = (jsonOf(answer) ?? {}) as { errors?: readonly { pointer: string }[] }
        const isNamed = errors.some((error) => error.pointer === `${pointer}/${name}`)
        if (answer.status !== 400 || !isNamed) {
          faults.push(`${operation.id} ${pointer}/${name}: ${answer.status} ${answer.text.slice(0, 200)}`)
        }
      }
    }
  }
  expect(faults).toEqual([])
  expect(bodied.length).toBeGreaterThan(15)
  expect(attempts).toBeGreaterThanOrEqual(FORBIDDEN_MEMBERS.length * bodied.length)
  expect(nested).toBeGreaterThan(FORBIDDEN_MEMBERS.length)
})
