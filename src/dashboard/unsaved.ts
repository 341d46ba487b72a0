/**
 * Whether something typed is nowhere but in the page, so that a reload would lose it. What narrows a page stands in its address,
 * and a form that is left is gone.
 */
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

const typed = new Set<Field>()

/** To be called once, before there is anything to type in. */
export function followTyping(): void {
  addEventListener('input', ({ target }) => {
    if (isField(target)) typed.add(target)
  })
  addEventListener('hashchange', () => typed.clear())
}

export function hasUnsaved(): boolean {
  return [...typed].some((field) => field.isConnected && field.value !== '')
}

function isField(target: EventTarget | null): target is Field {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  )
}
