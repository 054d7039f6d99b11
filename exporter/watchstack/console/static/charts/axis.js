// Where the ticks of a time axis stand and what they say, in the browser's own time zone.
const STEPS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const two = (number) => String(number).padStart(2, "0");

export function ticks(from, to, most) {
  const step = STEPS.find((one) => (to - from) / one <= Math.max(2, most)) ?? STEPS.at(-1);
  const shift = new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) found.push(at);
  return found;
}

export function tickText(at, length) {
  const date = new Date(at * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (length <= 600) return `${time}:${two(date.getSeconds())}`;
  if (length <= 86400 * 1.5) return time;
  const day = DAY.format(date);
  return length <= 86400 * 10 && time !== "00:00" ? `${day} ${time}` : day;
}

export const fullText = (at) =>
  new Date(at * 1000).toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
