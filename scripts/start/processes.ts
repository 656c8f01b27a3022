/**
 * Which processes are ours. A pid alone proves nothing, because the system reuses it; a pid with its start time, its
 * command and the machine's boot does. On Linux `/proc` says so, elsewhere `ps`.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ProcessRecord {
  readonly role: 'supervisor' | 'runtime'
  readonly pid: number
  /** Clock ticks after boot (Linux) or a date (elsewhere), with the boot's id; compared as text only. */
  readonly startTime: string
  readonly command: string
}

interface Seen {
  readonly startTime: string
  readonly command: string
  readonly parentPid: number
}

const isLinux = process.platform === 'linux'

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return 'boot'
  }
}

/** Looks at a living process; `undefined` when there is none, or only its remains (a zombie). */
export function look(pid: number): Seen | undefined {
  try {
    if (isLinux) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The second field is the name in parentheses and may hold anything; the rest is counted from the last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      return { startTime: `${fields[19]}@${bootId()}`, command, parentPid: Number(fields[1]) }
    }
    const line = execFileSync('ps', ['-o', 'ppid=,stat=,lstart=,command=', '-p', String(pid)], {
      encoding: 'utf8',
    }).trim()
    const match = /^(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/s.exec(line)
    if (match === null || match[2]?.startsWith('Z')) return undefined
    return { startTime: match[3] ?? '', command: match[4] ?? '', parentPid: Number(match[1]) }
  } catch {
    return undefined
  }
}

/** Describes a living process so that a later start can prove that it is still the same one. */
export function record(role: ProcessRecord['role'], pid: number): ProcessRecord | undefined {
  const seen = look(pid)
  return seen && { role, pid, startTime: seen.startTime, command: seen.command }
}

export function isAlive(entry: ProcessRecord): boolean {
  const seen = look(entry.pid)
  return seen !== undefined && seen.startTime === entry.startTime && seen.command === entry.command
}

function pids(): number[] {
  const names = isLinux
    ? readdirSync('/proc')
    : execFileSync('ps', ['-A', '-o', 'pid='], { encoding: 'utf8' })
        .split('\n')
        .map((line) => line.trim())
  return names.filter((name) => /^\d+$/.test(name)).map(Number)
}

/** The living children of this process whose command names `word`. */
export function children(word: string): number[] {
  return pids().filter((pid) => {
    const seen = look(pid)
    return seen?.parentPid === process.pid && seen.command.includes(word)
  })
}

/** Living processes that carry `NAME=value` in their environment; Linux only, else none. */
export function carrying(name: string, value: string): ProcessRecord[] {
  if (!isLinux) return []
  return pids().flatMap((pid) => {
    if (pid === process.pid) return []
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${name}=${value}`)) return []
    } catch {
      return []
    }
    return record('runtime', pid) ?? []
  })
}

/** Ends one process that `isAlive` proved ours, and waits until it is gone. */
export async function end(entry: ProcessRecord): Promise<void> {
  for (let attempt = 0; isAlive(entry); attempt++) {
    if (attempt > 100) throw new Error(`process ${entry.pid} does not end`)
    if (attempt === 0) process.kill(entry.pid, 'SIGKILL')
    await sleep(50)
  }
}
