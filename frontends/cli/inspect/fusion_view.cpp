#include "frontends/cli/inspect/fusion_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "compiler/kernel/program_print.h"
#include "frontends/cli/help.h"

namespace descent::cli {
namespace {

/// The kernels of the calls of an entry point, by number.
class CalledKernels {
 public:
  CalledKernels(const EntryProgram& entry, const KernelProgram& program) : program_(program) {
    for (const CallSummary& call : SummarizeCalls(entry, program)) {
      if (call.kernel < 0) continue;
      kernels_.push_back(call.kernel);
      ++uses_[call.kernel];
    }
  }

  int count() const { return static_cast<int>(kernels_.size()); }
  int distinct() const { return static_cast<int>(uses_.size()); }
  const Kernel& operator[](int call) const { return program_.kernels[kernels_[call]]; }

  /// "mlp_k3_h1", with its number where the kernel is called again.
  std::string NameOf(int call) const {
    const std::string& name = (*this)[call].name;
    return uses_.at(kernels_[call]) == 1 ? name : fmt::format("{} (call {})", name, call);
  }

  std::string NameOf(const FusionParty& party) const {
    if (party.kind == FusionParty::Kind::kKernel) return NameOf(party.first_call);
    const std::string calls =
        party.first_call == party.last_call
            ? fmt::format("call {}", party.first_call)
            : fmt::format("calls {} to {}", party.first_call, party.last_call);
    if (party.kind == FusionParty::Kind::kBranch) return fmt::format("the branch of {}", calls);
    return fmt::format("the loop of {}, {} times", calls, party.trip_count);
  }

 private:
  const KernelProgram& program_;
  std::vector<int> kernels_;
  std::map<int, int> uses_;
};

std::string Sentence(const FusionFinding& finding, const CalledKernels& calls) {
  const bool through = finding.through.first_call >= 0;
  return Explain(finding.obstacle, through ? calls.NameOf(finding.through) : finding.about);
}

// ---- text --------------------------------------------------------------------------------------

/// A row of a paragraph: WrapLines keeps what follows the title in its column.
std::string Row(std::string_view title, const std::string& text) {
  return fmt::format("  {:<13}  {}\n", title, text);
}

std::string PartsText(const KernelParts& parts, const CalledKernels& calls) {
  std::string text = fmt::format("\nkernel {} covers {}\n", calls.NameOf(parts.call),
                                 fmt::join(parts.covers, ", "));
  for (const JoinedValues& joined : parts.joined)
    text += Row(Info(joined.rule).title,
                fmt::format("{} {} {}: {}", fmt::join(joined.values, ", "),
                            joined.rule == FusionRule::kInlined ? "into" : "with", joined.with,
                            Info(joined.rule).text));
  return text;
}

/// What is said of one way.
std::string FindingText(const FusionFinding& finding, const FusionPair& pair,
                        const CalledKernels& calls) {
  std::string text = Sentence(finding, calls);
  if (!finding.reader.empty()) text += fmt::format(" (for its reader {})", finding.reader);
  if (finding.way == FusionWay::kInline && pair.values.size() > finding.values.size())
    text = fmt::format("{}: {}", fmt::join(finding.values, ", "), text);
  return text;
}

std::string PairText(const FusionPair& pair, const CalledKernels& calls) {
  std::string text = fmt::format("\n{} -> {} by {}\n", calls.NameOf(pair.writer),
                                 calls.NameOf(pair.reader), fmt::join(pair.values, ", "));
  std::vector<std::string> reasons;
  for (const FusionFinding& finding : pair.findings)
    reasons.push_back(FindingText(finding, pair, calls));
  if (reasons.size() > 1 && std::ranges::count(reasons, reasons.front()) == std::ssize(reasons))
    return text + Row("any way", reasons.front());
  for (size_t i = 0; i < reasons.size(); ++i)
    text += Row(Info(pair.findings[i].way).title, reasons[i]);
  return text;
}

// ---- JSON --------------------------------------------------------------------------------------

void WriteParty(JsonWriter& json, const FusionParty& party, const CalledKernels& calls) {
  json.BeginObject();
  switch (party.kind) {
    case FusionParty::Kind::kKernel:
      json.Key("kernel").String(calls[party.first_call].name);
      break;
    case FusionParty::Kind::kLoop:
      json.Key("trip_count").Integer(party.trip_count);
      break;
    case FusionParty::Kind::kBranch:
      json.Key("branch").Bool(true);
      break;
  }
  json.Key("calls").Numbers(std::vector<int64_t>{party.first_call, party.last_call});
  json.EndObject();
}

void WriteFinding(JsonWriter& json, const FusionFinding& finding, const CalledKernels& calls) {
  json.BeginObject();
  json.Key("way").String(Info(finding.way).name);
  json.Key("obstacle").String(Info(finding.obstacle).name);
  if (!finding.values.empty()) json.Key("values").Strings(finding.values);
  if (!finding.reader.empty()) json.Key("reader").String(finding.reader);
  if (!finding.about.empty()) json.Key("about").String(finding.about);
  if (finding.through.first_call >= 0) {
    json.Key("through");
    WriteParty(json, finding.through, calls);
  }
  json.Key("text").String(Sentence(finding, calls));
  json.EndObject();
}

void WriteParts(JsonWriter& json, const KernelParts& parts, const CalledKernels& calls) {
  json.BeginObject();
  json.Key("call").Integer(parts.call);
  json.Key("kernel").String(calls[parts.call].name);
  json.Key("covers").Strings(parts.covers);
  json.Key("parts").BeginArray();
  for (const JoinedValues& joined : parts.joined) {
    json.BeginObject();
    json.Key("rule").String(Info(joined.rule).name);
    json.Key("values").Strings(joined.values);
    json.Key("with").String(joined.with);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WritePair(JsonWriter& json, const FusionPair& pair, const CalledKernels& calls) {
  json.BeginObject();
  json.Key("writer");
  WriteParty(json, pair.writer, calls);
  json.Key("reader");
  WriteParty(json, pair.reader, calls);
  json.Key("values").Strings(pair.values);
  json.Key("findings").BeginArray();
  for (const FusionFinding& finding : pair.findings) WriteFinding(json, finding, calls);
  json.EndArray();
  json.EndObject();
}

}  // namespace

std::string PrintFusion(const FusionReport& report, const EntryProgram& entry,
                        const KernelProgram& program) {
  const CalledKernels calls(entry, program);
  std::string text = fmt::format(
      "entry {}: {} of {}, {} of neighbours\n", entry.name, Counted(calls.count(), "call"),
      Counted(calls.distinct(), "kernel"), Counted(report.pairs.size(), "pair"));
  for (const KernelParts& parts : report.kernels) text += PartsText(parts, calls);
  for (const FusionPair& pair : report.pairs) text += PairText(pair, calls);
  return WrapLines(text);
}

void WriteFusion(JsonWriter& json, const FusionReport& report, const EntryProgram& entry,
                 const KernelProgram& program) {
  const CalledKernels calls(entry, program);
  json.Key("calls").BeginArray();
  for (int call = 0; call < calls.count(); ++call) json.String(calls[call].name);
  json.EndArray();
  json.Key("kernels").BeginArray();
  for (const KernelParts& parts : report.kernels) WriteParts(json, parts, calls);
  json.EndArray();
  json.Key("pairs").BeginArray();
  for (const FusionPair& pair : report.pairs) WritePair(json, pair, calls);
  json.EndArray();
}

}  // namespace descent::cli
