#include "frontends/cli/inspect/program_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/kernel/program_print.h"
#include "frontends/cli/plot/svg.h"

namespace descent::cli {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// Okabe and Ito's colours, light: told apart also without colour vision.
constexpr std::string_view kSectionFill[] = {"#56b4e9", "#e69f00", "#009e73"};

std::string_view FillOf(Section section) { return kSectionFill[static_cast<size_t>(section)]; }

std::string Bytes(int64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

void WriteKernels(JsonWriter& json, const EntryProgram& entry, const KernelProgram& program) {
  const auto calls = SummarizeCalls(entry, program);
  std::vector<bool> used(program.kernels.size(), false);
  json.Key("calls").BeginArray();
  for (const CallSummary& call : calls) {
    json.BeginObject();
    json.Key("depth").Integer(call.depth);
    if (call.trip_count > 0) {
      json.Key("trip_count").Integer(call.trip_count);
    } else if (!call.condition.empty()) {
      json.Key(call.otherwise ? "if_not" : "if").String(call.condition);
    } else {
      used[call.kernel] = true;
      json.Key("kernel").String(program.kernels[call.kernel].name);
      json.Key("section").String(ToString(call.section));
      json.Key("reads").Strings(call.reads);
      json.Key("writes").Strings(call.writes);
    }
    json.EndObject();
  }
  json.EndArray();
  json.Key("order").BeginArray();
  for (const auto& [before, after] : entry.order) json.Numbers(std::vector<int64_t>{before, after});
  json.EndArray();
  json.Key("kernels").BeginArray();
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    if (!used[i]) continue;
    const KernelSummary kernel = Summarize(program.kernels[i]);
    json.BeginObject();
    json.Key("name").String(kernel.name);
    json.Key("kind").String(kernel.kind);
    json.Key("covers").Strings(kernel.nodes);
    json.Key("flops").Integer(kernel.flops);
    json.Key("bytes").Integer(kernel.bytes);
    json.Key("tiles").Integer(kernel.tiles);
    json.Key("parallel").Bool(kernel.parallel);
    json.EndObject();
  }
  json.EndArray();
}

void WriteMemory(JsonWriter& json, const EntryProgram& entry, const KernelProgram& program) {
  json.Key("arena_bytes").Integer(entry.arena_bytes);
  json.Key("state_bytes").Integer(program.state_bytes);
  json.Key("worker_scratch_bytes").Integer(entry.worker_scratch_bytes);
  json.Key("buffers").BeginArray();
  for (const BufferSummary& buffer : SummarizeBuffers(entry, program)) {
    json.BeginObject();
    json.Key("name").String(buffer.name);
    json.Key("type").String(buffer.type);
    json.Key("space").String(buffer.space);
    json.Key("offset").Integer(buffer.offset);
    json.Key("bytes").Integer(buffer.bytes);
    json.Key("first_call").Integer(buffer.first_call);
    json.Key("last_call").Integer(buffer.last_call);
    json.Key("section").String(ToString(buffer.section));
    json.Key("origin").String(buffer.origin);
    json.Key("kept_for_backward").Bool(buffer.kept_for_backward);
    json.EndObject();
  }
  json.EndArray();
}

std::string KernelsDot(const EntryProgram& entry, const KernelProgram& program) {
  std::string text = fmt::format(
      "digraph \"{}\" {{\n  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=10];\n",
      Escaped(entry.name));
  int number = 0;
  for (const CallSummary& call : SummarizeCalls(entry, program)) {
    if (call.kernel < 0) continue;
    const KernelSummary kernel = Summarize(program.kernels[call.kernel]);
    text +=
        fmt::format("  c{} [label=\"{}\\n{}\\n{} FLOPs{}\", fillcolor=\"{}\"];\n", number++,
                    Escaped(kernel.name), Escaped(fmt::format("{}", fmt::join(kernel.nodes, ", "))),
                    kernel.flops, kernel.parallel ? fmt::format(", {} tiles", kernel.tiles) : "",
                    FillOf(call.section));
  }
  for (const auto& [before, after] : entry.order)
    text += fmt::format("  c{} -> c{};\n", before, after);
  return text + "}\n";
}

constexpr int kMostCallTicks = 16;

std::string MemorySvg(const EntryProgram& entry, const KernelProgram& program) {
  using plot::SvgDocument;
  std::vector<BufferSummary> buffers = SummarizeBuffers(entry, program);
  std::erase_if(buffers,
                [](const BufferSummary& b) { return b.space != "arena" || b.first_call < 0; });
  int calls = 1;
  for (const BufferSummary& buffer : buffers) calls = std::max(calls, buffer.last_call + 1);
  constexpr plot::Rect kFrame = {90, 40, 820, 440};
  SvgDocument svg(940, 540, fmt::format("Memory of {} over time", entry.name));
  const double x_scale = kFrame.width / calls;
  const double y_scale =
      kFrame.height / static_cast<double>(std::max<int64_t>(entry.arena_bytes, 1));
  svg.Text({kFrame.x, 24},
           fmt::format("{}: arena of {}, {} calls", entry.name, Bytes(entry.arena_bytes), calls),
           {.size = 14, .bold = true});
  for (const BufferSummary& buffer : buffers) {
    const double height = static_cast<double>(buffer.bytes) * y_scale;
    const plot::Rect box = {kFrame.x + buffer.first_call * x_scale,
                            kFrame.bottom() - static_cast<double>(buffer.offset) * y_scale - height,
                            (buffer.last_call - buffer.first_call + 1) * x_scale, height};
    svg.Rectangle(box, {.fill = FillOf(buffer.section),
                        .stroke = "#222222",
                        .stroke_width = buffer.kept_for_backward ? 2.0 : 0.5});
    if (box.height >= 11 && box.width >= 7.0 * static_cast<double>(buffer.name.size()))
      svg.Text({box.x + box.width / 2, box.y + box.height / 2 + 4}, buffer.name,
               {.size = 10, .anchor = plot::Anchor::kMiddle});
  }
  svg.Rectangle(kFrame, {.stroke = "#222222"});
  for (int tick = 0; tick <= 4; ++tick) {
    const double y = kFrame.bottom() - kFrame.height * tick / 4;
    svg.Text({kFrame.x - 6, y + 4}, Bytes(entry.arena_bytes * tick / 4),
             {.size = 10, .anchor = plot::Anchor::kEnd});
  }
  for (int call = 0; call < calls; call += 1 + (calls - 1) / kMostCallTicks)
    svg.Text({kFrame.x + (call + 0.5) * x_scale, kFrame.bottom() + 16}, fmt::format("{}", call),
             {.size = 10, .anchor = plot::Anchor::kMiddle});
  svg.Text({kFrame.x + kFrame.width / 2, kFrame.bottom() + 36}, "call",
           {.anchor = plot::Anchor::kMiddle});
  struct Key {
    std::string_view name, fill;
    double stroke_width;
  };
  constexpr Key kLegend[] = {{"forward", kSectionFill[0], 0.5},
                             {"backward", kSectionFill[1], 0.5},
                             {"update", kSectionFill[2], 0.5},
                             {"kept for backward", "#ffffff", 2}};
  double x = 520;
  for (const Key& key : kLegend) {
    svg.Rectangle({x, 14, 12, 12},
                  {.fill = key.fill, .stroke = "#222222", .stroke_width = key.stroke_width});
    svg.Text({x + 18, 24}, key.name);
    x += 90;
  }
  return std::move(svg).Finish();
}

}  // namespace descent::cli
