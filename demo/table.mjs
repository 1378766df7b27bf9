// How the demo shows figures.

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
export const seconds = (value) => `${value.toFixed(1)} s`

/** Rows of cells as text, each column as wide as its widest cell, the first row ruled off. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)))
  const lines = rows.map((row) => row.map((cell, column) => String(cell).padEnd(widths[column])).join('   ').trimEnd())
  return [lines[0], widths.map((width) => '─'.repeat(width)).join('───'), ...lines.slice(1)].join('\n')
}
