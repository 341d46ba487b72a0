/**
 * Tests run against the built code in `dist/` (an import of `../src/x.js` is served from `dist/x.js`), so what is
 * tested is what ships: the same compiler output, real worker threads, real files. `npm test` builds first.
 */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(?:\\.{1,2}/)+src/(.*)\\.js$': '<rootDir>/dist/$1.js',
    '^(\\.{1,2}/(?:.*/)?(?:test|[a-z0-9.-]+))\\.js$': ['$1.ts', '$1.js'],
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Only ever ends a test that hangs: how long one takes on a busy machine says nothing about it.
  testTimeout: 120000,
  // One more than a small machine has processors: a third of the time tests wait, for processes, limits and servers that are away.
  maxWorkers: 3,
  // What a file loaded is never freed by the process that ran it. With the 2 GB of seventy files, collecting garbage took more
  // time than many a test; another process, which loads all anew, takes a second.
  workerIdleMemoryLimit: '450MB',
  reporters: ['default', '<rootDir>/test/summary-reporter.js'],
}
