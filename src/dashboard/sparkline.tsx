/** How much there was in each of some equal times, as small bars; in words for whoever does not see them. */
interface Props {
  /** The earliest first. */
  readonly counts: readonly number[]
  readonly label: string
}

const BAR_WIDTH = 4
const HEIGHT = 24
/** Of a bar for anything at all, so that little is not mistaken for nothing. */
const BAR_HEIGHT_MIN = 2

export function Sparkline({ counts, label }: Props) {
  const most = Math.max(...counts, 1)
  const width = counts.length * BAR_WIDTH
  return (
    <svg
      className="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
    >
      <title>{label}</title>
      <line x1="0" x2={width} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {counts.map((count, index) => {
        const height = count === 0 ? 0 : Math.max(BAR_HEIGHT_MIN, (count / most) * HEIGHT)
        return <rect key={index} x={index * BAR_WIDTH} y={HEIGHT - height} width={BAR_WIDTH - 1} height={height} />
      })}
    </svg>
  )
}
