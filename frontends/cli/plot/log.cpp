#include "frontends/cli/plot/log.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "runtime/json.h"

namespace descent::plot {
namespace {

/// "parameters.W1[0, 1]" as "parameters.W1[0,1]": however it was asked for, it is the same element.
std::string ElementName(std::string_view text) {
  std::string name(text);
  const auto indices = name.begin() + static_cast<ptrdiff_t>(std::min(name.find('['), name.size()));
  name.erase(std::remove(indices, name.end(), ' '), name.end());
  return name;
}

/// Adds numbers of an object and of the objects in it, with dotted names. Others are left out.
void Flatten(const runtime::Json& json, const std::string& prefix, Log::Line& line) {
  for (const auto& [key, member] : *json.object()) {
    if (const auto* number = std::get_if<runtime::Json::Number>(&member.value)) {
      double value = 0;
      std::from_chars(number->text.data(), number->text.data() + number->text.size(), value);
      line.numbers[ElementName(prefix + key)] = value;
    } else if (member.object() != nullptr) {
      Flatten(member, prefix + key + ".", line);
    } else if (prefix.empty() && key == "event" && member.string() != nullptr) {
      line.event = *member.string();
    }
  }
}

}  // namespace

std::vector<Point> Log::Series(std::string_view event, std::string_view x,
                               std::string_view y) const {
  const std::string x_name = ElementName(x), y_name = ElementName(y);
  std::vector<Point> points;
  for (const Line& line : lines) {
    if (line.event != event) continue;
    const auto at_x = line.numbers.find(x_name), at_y = line.numbers.find(y_name);
    if (at_x != line.numbers.end() && at_y != line.numbers.end())
      points.push_back({at_x->second, at_y->second});
  }
  return points;
}

Result<std::vector<Point>> Log::Path(const std::string& x, const std::string& y) const {
  std::vector<Point> points = Series("step", "parameters." + x, "parameters." + y);
  if (points.empty())
    return std::unexpected(Diagnostic{
        .message = fmt::format("the log has no steps with both {} and {}", Quoted(x), Quoted(y)),
        .location = {.file = path},
        .hint =
            fmt::format("train with --log FILE --log-every 1 --track '{}' --track '{}'", x, y)});
  return points;
}

Result<Log> ReadLog(const std::string& path) {
  std::ifstream file(path);
  if (!file) return ErrorWithStatus(ExitStatus::kIo, "cannot read {}", Quoted(path));
  Log log{.path = path, .name = std::filesystem::path(path).stem().string(), .lines = {}};
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    if (text.empty()) continue;
    auto json = runtime::ParseJson(text, path);
    if (!json || json->object() == nullptr)
      return std::unexpected(
          Diagnostic{.message = json ? "a line of a log is a JSON object" : json.error().message,
                     .location = {.file = path, .line = number}});
    Log::Line line;
    Flatten(*json, "", line);
    log.lines.push_back(std::move(line));
  }
  return log;
}

}  // namespace descent::plot
