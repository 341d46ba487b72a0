import { writeSync } from 'node:fs'

/** Ends a run with one line that counts it, for scripts that read the result: `N passed, N failed[, N skipped]`. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // A suite that could not even be loaded ran no test, and still is a failure.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    const skipped = results.numPendingTests + results.numTodoTests
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
    // The other reporters write until the very end.
    process.once('exit', () => writeSync(process.stdout.fd, `\n${line}\n`))
  }
}
