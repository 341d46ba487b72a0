/** The language of the page: what someone chose, else what the browser asks for. */
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react'
import { I18nProvider } from 'react-aria-components'
import { english, type Texts } from './english.js'
import { japanese } from './japanese.js'

type Language = 'en' | 'ja'

const CHOICE = 'meterbook-language'
const languages: Readonly<Record<Language, Texts>> = { en: english, ja: japanese }

const Chosen = createContext<{ readonly texts: Texts; readonly switchLanguage: () => void }>({
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
      <Chosen value={{ texts: languages[language], switchLanguage }}>{children}</Chosen>
    </I18nProvider>
  )
}

export function useTexts(): Texts {
  return useContext(Chosen).texts
}

export function useLanguageSwitch(): () => void {
  return useContext(Chosen).switchLanguage
}

function firstLanguage(): Language {
  const chosen = localStorage.getItem(CHOICE)
  if (chosen === 'en' || chosen === 'ja') return chosen
  return navigator.language.toLowerCase().startsWith('ja') ? 'ja' : 'en'
}
