import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

/**
 * What each folder of `src/` may import of the other folders and of the files in `src/` itself: the table of
 * docs/architecture.md, checked here. A folder may always import itself; packages are free but in `domain/`, which imports
 * nothing. `cli/` and the files in `src/` itself put the parts together.
 */
const mayImport = {
  domain: [],
  'event-store': ['domain', 'opened-file.js', 'sqlite.js', 'sqlite-failure.js', 'waiting.js'],
  'read-model': ['opened-file.js', 'sqlite.js', 'sqlite-failure.js', 'waiting.js'],
  commands: ['domain', 'event-store', 'read-model', 'overloaded.js', 'turns.js'],
  projections: ['domain', 'event-store', 'read-model'],
  queries: ['domain', 'event-store', 'read-model', 'projections', 'overloaded.js', 'waiting.js'],
  replay: ['domain', 'event-store', 'read-model', 'projections', 'queries'],
  api: ['domain', 'commands', 'queries', 'replay', 'overloaded.js', 'turns.js'],
  metrics: [],
  dashboard: ['domain'],
}

/** As an import names them: folders, and files by the name they are built under. */
const parts = readdirSync(new URL('src/', import.meta.url), { withFileTypes: true }).map((entry) =>
  entry.isDirectory() ? entry.name : entry.name.replace(/\.ts$/, '.js'),
)

function importRule(folder) {
  const forbidden = parts.filter((part) => part !== folder && !mayImport[folder].includes(part))
  const patterns = [
    {
      regex: `^(\\.\\./)+(${forbidden.join('|').replaceAll('.', '\\.')})(/|$)`,
      message: `src/${folder} may import only ${[folder, ...mayImport[folder]].join(', ')}.`,
    },
  ]
  if (folder === 'domain')
    patterns.push({ regex: '^[^.]', message: 'src/domain is pure and imports nothing outside itself.' })
  return { files: [`src/${folder}/**/*.{ts,tsx}`], rules: { 'no-restricted-imports': ['error', { patterns }] } }
}

export default tseslint.config(
  { ignores: ['dist', 'dist-bench', 'node_modules', 'coverage', 'data'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { requireDefaultForNonUnion: true }],
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  ...Object.keys(mayImport).map(importRule),
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: '@nestjs/swagger',
          allowTypeImports: true,
          message: 'Each start would load it: use api/api-decorators.js.',
        },
      ],
    },
  },
  {
    files: ['src/domain/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'Date', 'process', 'crypto', 'performance', 'setTimeout', 'fetch'],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      'max-lines': 'off',
      'no-console': 'off',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
)
