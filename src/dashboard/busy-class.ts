/** Of a button whose work goes on: it is not disabled, because then it would lose the focus. Pressed again it does nothing. */
export function busyClass(isBusy: boolean): '' | 'button-busy' {
  return isBusy ? 'button-busy' : ''
}
