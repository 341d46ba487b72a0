/**
 * A process of its own that answers questions: whatever takes or makes load runs in one, so that nothing that is measured
 * shares a thread with what measures it. Children end with the benchmark, however it ends.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

type Reply<Answer> = { readonly answer: Answer } | { readonly error: string }

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Ends the process with this one. */
export function watch(child: ChildProcess): void {
  alive.add(child)
  child.once('exit', () => alive.delete(child))
}

export class Child<Question, Answer> {
  private readonly process: ChildProcess

  /** `file` is beside this one; `nodeArguments` go to node, as for a profile. */
  constructor(file: string, nodeArguments: readonly string[] = []) {
    this.process = fork(fileURLToPath(new URL(file, import.meta.url)), {
      env: { PATH: process.env.PATH },
      execArgv: [...nodeArguments],
      serialization: 'advanced',
    })
    watch(this.process)
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  /** One question at a time. */
  async ask(question: Question): Promise<Answer> {
    const reply = new Promise<Reply<Answer>>((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`A child ended with ${code} instead of answering.`))
      this.process.once('exit', ended)
      this.process.once('message', (message) => {
        this.process.off('exit', ended)
        resolve(message as Reply<Answer>)
      })
    })
    this.process.send(question as object)
    const settled = await reply
    if ('error' in settled) throw new Error(settled.error)
    return settled.answer
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const exited = once(this.process, 'exit')
    this.process.kill('SIGTERM')
    await exited
  }
}

/** The other side: to be called once in the child. */
export function answerWith<Question, Answer>(answer: (question: Question) => Promise<Answer>): void {
  process.on('message', (question: Question) => {
    answer(question).then(
      (value) => process.send?.({ answer: value } satisfies Reply<Answer>),
      (error: unknown) => process.send?.({ error: String(error) } satisfies Reply<Answer>),
    )
  })
}
