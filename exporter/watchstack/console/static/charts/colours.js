// Colours by Grafana's names, for light and dark, and those of series by their number.
const NAMED = {
  light: { green: "#2e7d32", yellow: "#9a7200", orange: "#c2600c", red: "#c4162a", blue: "#1f60c4", purple: "#8f3bb8", text: "#1b2130", gray: "#5a6478" },
  dark: { green: "#73bf69", yellow: "#fade2a", orange: "#ff9830", red: "#f2495c", blue: "#6ea6ff", purple: "#c58be6", text: "#e5e9f0", gray: "#98a3b6" },
};
const SERIES = {
  light: ["#2e7d32", "#1f60c4", "#c2600c", "#8f3bb8", "#00808f", "#c4162a", "#9a7200", "#b5367f", "#4a5a8a", "#5d7a00", "#8a4b2a", "#5a6478"],
  dark: ["#73bf69", "#6ea6ff", "#ff9830", "#c58be6", "#4ccbd4", "#f2495c", "#fade2a", "#ff85c0", "#a3b4e8", "#b7d45a", "#d9a07a", "#aab4c5"],
};
const DARK = matchMedia("(prefers-color-scheme: dark)");

export const scheme = () => (DARK.matches ? "dark" : "light");
export const onScheme = (told) => DARK.addEventListener("change", told);

// green of "semi-dark-green"; "" for a colour that has no name
export const tone = (name) => (name in NAMED.light ? name : Object.keys(NAMED.light).find((one) => name.endsWith(`-${one}`)) ?? "");

export function colour(name, number = 0) {
  if (!name) return SERIES[scheme()][number % SERIES.light.length];
  if (name.startsWith("#")) return name;
  return NAMED[scheme()][tone(name)] ?? NAMED[scheme()].gray;
}

export const faint = (hex, share) => hex.slice(0, 7) + Math.round(share * 255).toString(16).padStart(2, "0");

export const lines = () =>
  DARK.matches ? { grid: "#293243", text: "#98a3b6" } : { grid: "#e1e4ea", text: "#5a6478" };
