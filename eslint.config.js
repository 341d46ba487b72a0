import tseslint from 'typescript-eslint'

/**
 * Which folder of `src/` may import which: the table of docs/architecture.md, checked here. A folder may always import
 * itself; packages are free but in `domain/`, which imports nothing.
 */
const mayImport = {
  domain: [],
  'event-store': ['domain'],
  'read-model': [],
  commands: ['domain', 'event-store', 'read-model'],
  projections: ['domain', 'event-store', 'read-model'],
  queries: ['domain', 'event-store', 'read-model', 'projections'],
  replay: ['domain', 'event-store', 'read-model', 'projections', 'queries'],
  api: ['domain', 'commands', 'queries', 'replay'],
  dashboard: ['domain'],
}

const folders = [
  'api',
  'cli',
  'commands',
  'dashboard',
  'domain',
  'event-store',
  'projections',
  'queries',
  'read-model',
  'replay',
]

function importRule(folder) {
  const forbidden = folders.filter((other) => other !== folder && !mayImport[folder].includes(other))
  const patterns = [
    {
      regex: `^(\\.\\./)+(${forbidden.join('|')})/`,
      message: `src/${folder} may import only ${[folder, ...mayImport[folder]].join(', ')}.`,
    },
  ]
  if (folder === 'domain')
    patterns.push({ regex: '^[^.]', message: 'src/domain is pure and imports nothing outside itself.' })
  if (folder !== 'api')
    patterns.push({
      regex: '^(\\.\\./)+(main|app\\.module|config)\\.js$',
      message: 'Settings arrive as arguments; only the composition root reads them.',
    })
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
