/** The language of the page: what someone chose, else what the browser asks for. */
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react'
import { I18nProvider } from 'react-aria-components'
import { english, type Texts } from './english.js'
import { japanese } from './japanese.js'

export type Language = 'en' | 'ja'

const CHOICE = 'meterbook-language'
const languages: Readonly<Record<Language, Texts>> = { en: english, ja: japanese }

const formats: Readonly<Record<Language, Intl.NumberFormat>> = {
  en: new Intl.NumberFormat('en-GB'),
  ja: new Intl.NumberFormat('ja-JP'),
}

interface ChosenLanguage {
  readonly language: Language
  readonly texts: Texts
  readonly switchLanguage: () => void
}

const Chosen = createContext<ChosenLanguage>({
  language: 'en',
  texts: english,
  switchLanguage: () => undefined,
})

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const switchLanguage = (): void => {
    const next = language === 'en' ? 'ja' : 'en'
    localStorage.setItem(CHOICE, next)
    setLanguage(next)
  }
  return (
    <I18nProvider locale={language === 'ja' ? 'ja-JP' : 'en-GB'}>
      <Chosen value={{ language, texts: languages[language], switchLanguage }}>{children}</Chosen>
    </I18nProvider>
  )
}

/** What every page says. */
export function useTexts(): Texts {
  return useContext(Chosen).texts
}

/** What one page says, of that page's own dictionaries. */
export function usePageTexts<PageTexts>(texts: Readonly<Record<Language, PageTexts>>): PageTexts {
  return texts[useContext(Chosen).language]
}

/** Counts, as the language groups their digits. Values of usage are exact texts and are never formatted. */
export function useNumberFormat(): (count: number) => string {
  const format = formats[useContext(Chosen).language]
  return (count) => format.format(count)
}

export function useLanguageSwitch(): () => void {
  return useContext(Chosen).switchLanguage
}

function firstLanguage(): Language {
  const chosen = localStorage.getItem(CHOICE)
  if (chosen === 'en' || chosen === 'ja') return chosen
  return navigator.language.toLowerCase().startsWith('ja') ? 'ja' : 'en'
}
