// Bars of the medians as an SVG, readable on light and dark pages alike.
const WIDTH = 760;
const BAR = 16;
const GAP = 4;
const LEFT = 130;
const COLOURS = {
  xenferry: '#0a7d4f',
  'xenferry-plain': '#5fa88a',
  openssh: '#8a8f98',
  'socat-tls': '#a0826d',
  'zstd-socat-tls': '#b59a3c',
  stunnel: '#7f8fb0',
  'socat-tcp': '#b0b7c3',
};

const text = (x, y, content, anchor = 'start', weight = 'normal') =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" font-weight="${weight}">${content}</text>`;

const sizeText = (bytes) => (bytes < 2 ** 30 ? `${bytes / 2 ** 20} MiB` : `${(bytes / 2 ** 30).toFixed(0)} GiB`);

/** @param report what the benchmark prints as JSON */
export function plot({ machine, results }) {
  const most = Math.max(...results.map((one) => one.maxGBps));
  const scale = (value) => (value / most) * (WIDTH - LEFT - 90);
  const parts = [];
  let y = 30;
  const groupOf = ({ input, bytes }) => `${input} stream, ${sizeText(bytes)}`;
  for (const group of [...new Set(results.map(groupOf))]) {
    parts.push(text(10, y + 4, group, 'start', 'bold'));
    y += 14;
    for (const one of results.filter((other) => groupOf(other) === group)) {
      const middle = y + BAR / 2;
      parts.push(text(LEFT - 8, middle + 4, one.warm ? `${one.contender}, warm` : one.contender, 'end'));
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${scale(one.medianGBps).toFixed(1)}" height="${BAR}" rx="2" fill="${COLOURS[one.contender]}"/>`,
      );
      parts.push(
        `<line x1="${(LEFT + scale(one.minGBps)).toFixed(1)}" x2="${(LEFT + scale(one.maxGBps)).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#444" stroke-width="1.5"/>`,
      );
      parts.push(text(LEFT + scale(one.maxGBps) + 6, middle + 4, `${one.medianGBps.toFixed(2)} GB/s`));
      y += BAR + GAP;
    }
    y += 18;
  }
  const where = `${machine.date.slice(0, 10)}, ${machine.cpu.trim()}, both ends on ${machine.cores} cores, Node ${machine.node.replace('v', '')}`;
  parts.push(text(10, y, `Median of the runs; the line is their spread. ${where}.`));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 16}" font-family="sans-serif" font-size="12" fill="#333"><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>\n`;
}
