// ECharts with only the parts that we draw with. Tooltips are drawn on the canvas: markup with styles would need a weaker
// content security policy. Every chart is in `window.fitCharts`, so that tests can read back what it shows.
import { BarChart, LineChart } from "echarts/charts";
import { DataZoomInsideComponent, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { type Child, h, table } from "./dom";

use([LineChart, BarChart, GridComponent, TooltipComponent, MarkAreaComponent, MarkLineComponent, DataZoomInsideComponent, CanvasRenderer]);

export interface Shown { name: string; data: unknown[] }
declare global { interface Window { fitCharts: Record<string, () => Shown[]> } }
window.fitCharts = {};
type Option = () => EChartsCoreOption;
interface Live { chart: EChartsType; option: Option }
let live: Live[] = [];
let staged: typeof window.fitCharts = {}; // of the view that is being made, and not yet in the page
const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) live.find((one) => one.chart.getDom() === entry.target)?.chart.resize();
});

export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export function clearCharts(): void {
  sizes.disconnect();
  for (const { chart } of live) chart.dispose();
  live = [];
  window.fitCharts = staged;
  staged = {};
}
export function redrawCharts(): void {
  for (const { chart, option } of live) chart.setOption(themed(option()), { notMerge: true });
}
export const register = (name: string, shown: () => Shown[]): void => { staged[name] = shown; };

// Axis, grid and tooltip in the page's colours.
function themed(option: EChartsCoreOption): EChartsCoreOption {
  const soft = colour("soft");
  const line = colour("line");
  const axis = (given: unknown) => (Array.isArray(given) ? given : given ? [given] : []).map((one) => ({
    ...one,
    axisLine: { lineStyle: { color: line }, ...one.axisLine },
    axisTick: { show: false },
    axisLabel: { color: soft, hideOverlap: true, ...one.axisLabel },
    nameTextStyle: { color: soft, align: "left", padding: [0, 0, 0, -28] },
    splitLine: { lineStyle: { color: line, type: [3, 3] }, ...one.splitLine },
  }));
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif" },
    grid: { left: 46, right: 14, top: 26, bottom: 26 },
    ...option,
    xAxis: axis(option.xAxis),
    yAxis: axis(option.yAxis),
    tooltip: option.tooltip === false ? undefined : {
      trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: line,
      textStyle: { color: colour("text"), fontSize: 12.5, lineHeight: 18 }, axisPointer: { lineStyle: { color: soft }, label: { show: false } },
      ...(option.tooltip as object),
    },
  };
}

export interface Figure {
  name: string; title: string; summary: string; note?: Child; size?: string; legend?: [string, string][]; option: Option;
  table?: () => { head: string[]; rows: Child[][] }; onPoint?: (along: number) => void;
}

// A chart with its heading, its words for those who do not see it, and its numbers as a table.
export function figure(spec: Figure): HTMLElement {
  const canvas = h("div", { class: `chart ${spec.size ?? ""}`, role: "img", "aria-label": `${spec.title}. ${spec.summary}` });
  const legend = spec.legend && h("ul", { class: "legend" }, ...spec.legend.map(([text, name]) => {
    const mark = h("i", { "aria-hidden": "true" });
    mark.style.background = name.startsWith("#") ? name : `var(--${name})`;
    return h("li", {}, mark, text);
  }));
  const node = h("figure", { class: "card", "data-chart": spec.name },
    h("figcaption", {}, h("h2", {}, spec.title), legend || (spec.note && h("span", { class: "note" }, spec.note))), canvas);
  if (legend && spec.note) node.append(h("p", { class: "note" }, spec.note));
  if (spec.table) {
    const make = spec.table;
    const details = h("details", { class: "data" }, h("summary", {}, "Show as table"));
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) {
        const { head, rows } = make();
        details.append(table(head, rows, head.map((_, place) => place).slice(1)));
      }
    });
    node.append(details);
  }
  // Drawn once it has a place in the page, and so a size.
  requestAnimationFrame(() => {
    if (!canvas.isConnected) return;
    const chart = init(canvas, null, { renderer: "canvas" });
    chart.setOption(themed(spec.option()));
    if (spec.onPoint) {
      const onPoint = spec.onPoint;
      // Anywhere above or below a point counts, as in the tooltip: a short bar or a thin line is hard to hit with a finger.
      const along = (event: { offsetX: number; offsetY: number }) => chart.containPixel("grid", [event.offsetX, event.offsetY])
        ? (chart.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY]) as number[])[0] as number : null;
      chart.getZr().on("click", (event) => {
        const chosen = along(event);
        if (chosen !== null) onPoint(chosen);
      });
      chart.getZr().on("mousemove", (event) => { chart.getZr().setCursorStyle(along(event) === null ? "default" : "pointer"); });
    }
    live.push({ chart, option: spec.option });
    sizes.observe(canvas);
    window.fitCharts[spec.name] = () => ((chart.getOption().series ?? []) as { name?: string; data?: unknown[] }[])
      .map((series) => ({ name: series.name ?? "", data: series.data ?? [] }));
  });
  return node;
}

export interface Point { axisValue: number | string; dataIndex: number; seriesName: string; value: unknown; marker: string }
export const lineOf = (name: string, tint: string, data: unknown[], more: object = {}): object => ({
  type: "line", name, data, showSymbol: data.length === 1, symbolSize: 5, connectNulls: false, lineStyle: { width: 2, color: tint }, itemStyle: { color: tint },
  emphasis: { disabled: true }, ...more,
});
