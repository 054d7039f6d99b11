// How a number is written with its unit, by Grafana's names of units. Used by every chart, value and table.
const SHORT = [[1e12, " T"], [1e9, " B"], [1e6, " M"], [1e3, " K"], [1, ""]];
const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
const IEC = [[2 ** 40, "Ti"], [2 ** 30, "Gi"], [2 ** 20, "Mi"], [2 ** 10, "Ki"], [1, ""]];
const TIME = [
  [31536000, " years"], [604800 * 2, " weeks", 604800], [86400, " d"], [3600, " h"], [60, " min"],
  [1, " s"], [1e-3, " ms"], [1e-6, " µs"], [1e-9, " ns"],
];

const scaled = (scale, suffix = "", factor = 1) => ({ scale, suffix, factor });
const plain = (suffix, factor = 1, prefix = "") => ({ suffix, factor, prefix });

export const UNITS = {
  none: plain(""), short: scaled(SHORT), sishort: scaled(SI), string: plain(""),
  percent: plain(" %"), percentunit: plain(" %", 100),
  bytes: scaled(IEC, "B"), decbytes: scaled(SI, "B"), bits: scaled(IEC, "b"), decbits: scaled(SI, "b"),
  kbytes: scaled(IEC, "B", 1024), mbytes: scaled(IEC, "B", 2 ** 20), gbytes: scaled(IEC, "B", 2 ** 30),
  Bps: scaled(SI, "B/s"), binBps: scaled(IEC, "B/s"), bps: scaled(SI, "b/s"), binbps: scaled(IEC, "b/s"), pps: scaled(SI, "p/s"),
  ns: scaled(TIME, "", 1e-9), "µs": scaled(TIME, "", 1e-6), ms: scaled(TIME, "", 1e-3), s: scaled(TIME), m: scaled(TIME, "", 60),
  h: scaled(TIME, "", 3600), d: scaled(TIME, "", 86400), dtdurations: scaled(TIME), dtdurationms: scaled(TIME, "", 1e-3),
  reqps: scaled(SHORT, " req/s"), rps: scaled(SHORT, " reads/s"), wps: scaled(SHORT, " writes/s"), ops: scaled(SHORT, " ops/s"),
  iops: scaled(SHORT, " I/O ops/s"), cps: scaled(SHORT, " c/s"), eps: scaled(SHORT, " events/s"), mps: scaled(SHORT, " msg/s"),
  opm: scaled(SHORT, " ops/min"), cpm: scaled(SHORT, " /min"), rpm: scaled(SHORT, " reads/min"), reqpm: scaled(SHORT, " req/min"),
  currencyUSD: plain("", 1, "$"), currencyEUR: plain("", 1, "€"), currencyGBP: plain("", 1, "£"),
  hertz: scaled(SI, "Hz"), celsius: plain(" °C"), fahrenheit: plain(" °F"), watt: scaled(SI, "W"), volt: scaled(SI, "V"), amp: scaled(SI, "A"),
  pressurepsi: plain(" psi"), pressurebar: plain(" bar"), rotrpm: plain(" rpm"), humidity: plain(" %H"), conmgm3: plain(" mg/m³"),
  bool: { words: ["False", "True"] }, bool_yes_no: { words: ["No", "Yes"] }, bool_on_off: { words: ["Off", "On"] },
  dateTimeAsIso: { date: true }, dateTimeAsLocal: { date: true }, dateTimeFromNow: { date: true },
};

// A number with its unit; decimals: as many as the file says, else what three digits need.
export function format(unit, value, decimals = null) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const known = UNITS[unit] ?? custom(unit);
  if (known.words) return known.words[value ? 1 : 0];
  if (known.date) return new Date(value).toLocaleString();
  const amount = value * known.factor;
  const [size, step] = known.scale ? stepOf(known.scale, Math.abs(amount)) : [1, ""];
  const text = digits(amount / size, decimals);
  return (known.prefix ? text.replace(/^(-?)/, `$1${known.prefix}`) : text) + unitText(step, known.suffix);
}

function custom(unit) {
  if (unit.startsWith("suffix:")) return plain(` ${unit.slice(7)}`);
  if (unit.startsWith("prefix:")) return plain("", 1, unit.slice(7));
  return plain(` ${unit}`);
}

function stepOf(scale, amount) {
  const found = scale.find(([size]) => amount >= size) ?? (amount === 0 ? scale.find(([size]) => size === 1) : scale.at(-1));
  return [found[2] ?? found[0], found[1]];
}

// "12.3 KiB", "5 req/s", "5 K req/s"
function unitText(step, suffix) {
  if (!suffix || suffix.startsWith(" ")) return step + suffix;
  return ` ${step}${suffix}`;
}

const written = new Map(); // making a formatter takes longer than using it

function digits(value, decimals) {
  const size = Math.abs(value);
  const places = decimals ?? (size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(size || 1))));
  const key = decimals === null || decimals === undefined ? places : -1 - places;
  if (!written.has(key)) written.set(key, new Intl.NumberFormat("en", { minimumFractionDigits: key < 0 ? places : 0, maximumFractionDigits: places }));
  return written.get(key).format(value);
}
