#include "runtime/data/source.h"

#include <algorithm>
#include <charconv>
#include <new>

#include "runtime/data/array.h"
#include "runtime/data/csv.h"
#include "runtime/data/generators.h"

namespace descent::runtime {
namespace {

constexpr std::string_view kFashionMnist = "fashion-mnist";
constexpr std::string_view kFashionMnistFolder = "/usr/share/datasets/fashion-mnist";
const std::vector<std::string> kFashionMnistClasses = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

struct KeyValue {
  std::string key, value;
};

/// "a=1,b=2"; nothing when a piece has no '='.
std::optional<std::vector<KeyValue>> SplitOptions(std::string_view text) {
  std::vector<KeyValue> options;
  while (!text.empty()) {
    size_t comma = text.find(',');
    std::string_view piece = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    size_t equal = piece.find('=');
    if (equal == std::string_view::npos || equal == 0) return std::nullopt;
    options.push_back({std::string(piece.substr(0, equal)), std::string(piece.substr(equal + 1))});
  }
  return options;
}

template <typename T>
bool ParseNumber(const std::string& text, T* value) {
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, *value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

/// An option of a source: how its value is stored, false when it is malformed.
template <typename Options>
struct OptionRule {
  std::string_view key;
  bool (*set)(Options& options, const std::string& value);
};

template <typename Options, size_t kCount>
Result<Options> ReadOptions(const std::string& spec, const std::vector<KeyValue>& pairs,
                            const OptionRule<Options> (&rules)[kCount]) {
  Options options;
  for (const auto& [key, value] : pairs) {
    auto rule = std::ranges::find(rules, key, &OptionRule<Options>::key);
    if (rule == std::end(rules)) {
      std::vector<std::string_view> keys;
      for (auto& known : rules) keys.push_back(known.key);
      return WithHint(Fail(spec, "unknown option {}", Quoted(key)),
                      fmt::format("known are {}", fmt::join(keys, ", ")));
    }
    if (!rule->set(options, value)) {
      return Fail(spec, "option {} cannot be {}", key, Quoted(value));
    }
  }
  return options;
}

constexpr OptionRule<GeneratorOptions> kGeneratorOptions[] = {
    {"samples", [](auto& o, auto& v) { return ParseNumber(v, &o.samples) && o.samples > 0; }},
    {"noise", [](auto& o, auto& v) { return ParseNumber(v, &o.noise); }},
    {"seed", [](auto& o, auto& v) { return ParseNumber(v, &o.seed); }},
};

bool SetHeader(CsvOptions& options, const std::string& value) {
  if (value != "yes" && value != "no") return false;
  options.header = value == "yes" ? CsvOptions::Header::kYes : CsvOptions::Header::kNo;
  return true;
}
bool SetSeparator(CsvOptions& options, const std::string& value) {
  std::string_view one = value == "tab" ? "\t" : std::string_view(value);
  if (one.size() != 1 || one == "\n" || one == "\"" || one == "\r") return false;
  options.separator = one[0];
  return true;
}
constexpr OptionRule<CsvOptions> kCsvOptions[] = {
    {"label", [](auto& o, auto& v) { return !(o.label = v)->empty(); }},
    {"header", SetHeader},
    {"separator", SetSeparator},
};

struct NpzOptions {
  std::string label;
};
constexpr OptionRule<NpzOptions> kNpzOptions[] = {
    {"label", [](auto& o, auto& v) { return !(o.label = v).empty(); }},
};

/// Appends an array as a column; all columns must have equally many rows.
Result<void> AddArray(Dataset& data, std::string name, ColumnRole role, Array array,
                      const std::string& path) {
  if (array.shape.empty()) return Fail(path, "holds a single number; rows are needed");
  int64_t rows = array.shape[0];
  Column column = {.name = std::move(name),
                   .role = role,
                   .dtype = array.dtype,
                   .row_shape = {array.shape.begin() + 1, array.shape.end()},
                   .values = std::move(array.values)};
  if (column.values.empty()) return Fail(path, "holds no rows");
  if (!data.columns.empty() && data.rows != rows) {
    return Fail(path, "holds {} rows, but {} holds {}", rows, data.columns[0].name, data.rows);
  }
  data.rows = rows;
  data.columns.push_back(std::move(column));
  return {};
}

Result<Array> ReadArray(const std::string& path) {
  auto bytes = ReadFileOrGzip(path);
  if (!bytes) return std::unexpected(bytes.error());
  if (IsNpy(*bytes)) return ParseNpy(*bytes, path);
  if (IsIdx(*bytes)) return ParseIdx(*bytes, path);
  return Fail(path, "is neither an IDX nor an NPY file");
}

struct ArrayKey {
  std::string_view key, column;
  ColumnRole role;
};
constexpr ArrayKey kArrayKeys[] = {{"features", "features", ColumnRole::kFeature},
                                   {"images", "features", ColumnRole::kFeature},
                                   {"label", "label", ColumnRole::kLabel},
                                   {"labels", "label", ColumnRole::kLabel}};

Result<Dataset> LoadArrays(const std::string& spec, const std::vector<KeyValue>& files) {
  Dataset data = {.origin = spec, .named = false};
  for (const auto& [key, path] : files) {
    auto array = ReadArray(path);
    if (!array) return std::unexpected(array.error());
    auto known = std::ranges::find(kArrayKeys, key, &ArrayKey::key);
    bool other = known == std::end(kArrayKeys);
    std::string column = other ? key : std::string(known->column);
    if (data.Find(column)) return Fail(spec, "two files are given for {}", column);
    auto added =
        AddArray(data, column, other ? ColumnRole::kOther : known->role, *std::move(array), path);
    if (!added) return std::unexpected(added.error());
  }
  return data;
}

Result<Dataset> LoadNpz(ByteView bytes, const std::string& path, const NpzOptions& options,
                        const DataNeeds& needs) {
  auto arrays = ParseNpz(bytes, path);
  if (!arrays) return std::unexpected(arrays.error());
  auto has = [&](std::string_view name) {
    return std::ranges::find(*arrays, name, &NamedArray::name) != arrays->end();
  };
  std::string label = options.label;
  for (const char* usual : {"label", "labels", "y"}) {
    if (label.empty() && needs.label && has(usual)) label = usual;
  }
  if (!options.label.empty() && !has(label)) return Fail(path, "has no array {}", Quoted(label));
  Dataset data = {.origin = path};
  for (NamedArray& named : *arrays) {
    ColumnRole role = named.name == label ? ColumnRole::kLabel : ColumnRole::kFeature;
    auto added =
        AddArray(data, named.name, role, std::move(named.array), path + "(" + named.name + ")");
    if (!added) return std::unexpected(added.error());
  }
  if (data.columns.empty()) return Fail(path, "holds no arrays");
  return data;
}

std::vector<KeyValue> MnistFiles(const std::string& folder, std::string_view prefix) {
  auto existing = [&](std::string_view what) {
    std::string path = fmt::format("{}/{}-{}", folder, prefix, what);
    return FileExists(path + ".gz") ? path + ".gz" : path;
  };
  return {{"images", existing("images-idx3-ubyte")}, {"labels", existing("labels-idx1-ubyte")}};
}

Result<LoadedData> LoadFolder(const std::string& folder) {
  auto train = LoadArrays(folder, MnistFiles(folder, "train"));
  if (!train && train.error().status == ExitStatus::kIo) {
    return WithHint(std::unexpected(train.error()),
                    "a folder must hold MNIST's files, train-images-idx3-ubyte and so on");
  }
  if (!train) return std::unexpected(train.error());
  auto test = LoadArrays(folder, MnistFiles(folder, "t10k"));
  if (!test) return std::unexpected(test.error());
  return LoadedData{*std::move(train), *std::move(test)};
}

Result<LoadedData> LoadFashionMnist() {
  std::string folder(kFashionMnistFolder);
  if (!IsDirectory(folder)) {
    return WithHint(FailWith(ExitStatus::kIo, "fashion-mnist", "folder {} is not there", folder),
                    "apt install dataset-fashion-mnist");
  }
  auto loaded = LoadFolder(folder);
  if (!loaded) return loaded;
  loaded->data.origin = "fashion-mnist";
  loaded->test->origin = "fashion-mnist (test)";
  for (Dataset* data : {&loaded->data, &*loaded->test}) {
    for (Column& column : data->columns) {
      if (column.role == ColumnRole::kLabel) column.class_names = kFashionMnistClasses;
    }
  }
  return loaded;
}

Result<LoadedData> LoadGenerator(const std::string& spec, const Generator& generator,
                                 std::string_view options_text) {
  auto pairs = SplitOptions(options_text);
  if (!pairs) return Fail(spec, "options must be key=value,...");
  auto options = ReadOptions(spec, *pairs, kGeneratorOptions);
  if (!options) return std::unexpected(options.error());
  auto generated = Generate(generator, *options);
  if (!generated) return std::unexpected(generated.error());
  return LoadedData{std::move(generated->train), std::move(generated->test)};
}

Result<Dataset> LoadFile(const std::string& path, const std::vector<KeyValue>& pairs,
                         const DataNeeds& needs) {
  auto bytes = ReadFileOrGzip(path);
  if (!bytes) return std::unexpected(bytes.error());
  if (IsNpy(*bytes) || IsIdx(*bytes)) {
    if (!pairs.empty()) return Fail(path, "an array file has no option {}", Quoted(pairs[0].key));
    return LoadArrays(path, {{"features", path}});
  }
  if (IsNpz(*bytes)) {
    auto options = ReadOptions(path, pairs, kNpzOptions);
    if (!options) return std::unexpected(options.error());
    return LoadNpz(*bytes, path, *options, needs);
  }
  auto options = ReadOptions(path, pairs, kCsvOptions);
  if (!options) return std::unexpected(options.error());
  return ParseCsv(*bytes, path, *options, needs);
}

Result<LoadedData> LoadSource(const std::string& spec, const DataNeeds& needs) {
  size_t colon = spec.find(':');
  if (const Generator* generator = FindGenerator(std::string_view(spec).substr(0, colon))) {
    return LoadGenerator(
        spec, *generator,
        colon == std::string::npos ? "" : std::string_view(spec).substr(colon + 1));
  }
  if (spec == kFashionMnist) return LoadFashionMnist();
  if (spec.substr(0, colon) == kFashionMnist) return Fail(spec, "{} has no options", kFashionMnist);
  if (IsDirectory(spec)) return LoadFolder(spec);
  auto whole = [](Result<Dataset> data) -> Result<LoadedData> {
    if (!data) return std::unexpected(data.error());
    return LoadedData{*std::move(data), std::nullopt};
  };
  if (FileExists(spec)) return whole(LoadFile(spec, {}, needs));
  if (auto files = SplitOptions(spec); files && !files->empty()) {
    if (spec.find(':') == std::string::npos || !FileExists(spec.substr(0, spec.rfind(':')))) {
      return whole(LoadArrays(spec, *files));
    }
  }
  size_t last = spec.rfind(':');
  if (last != std::string::npos && FileExists(spec.substr(0, last))) {
    auto options = SplitOptions(std::string_view(spec).substr(last + 1));
    if (!options) return Fail(spec, "options must be key=value,...");
    return whole(LoadFile(spec.substr(0, last), *options, needs));
  }
  std::vector<std::string_view> names;
  for (const Generator& generator : Generators()) names.push_back(generator.name);
  return WithHint(
      FailWith(ExitStatus::kIo, spec, "no such file, folder or generator"),
      fmt::format("generators are {}; fashion-mnist is known, too", fmt::join(names, ", ")));
}

std::vector<std::string> PathsOf(const std::vector<KeyValue>& files) {
  std::vector<std::string> paths;
  for (const KeyValue& file : files) paths.push_back(file.value);
  return paths;
}

}  // namespace

std::vector<std::string> FilesOf(const std::string& spec) {
  if (FindGenerator(std::string_view(spec).substr(0, spec.find(':')))) return {};
  const std::string folder = spec == kFashionMnist ? std::string(kFashionMnistFolder) : spec;
  if (IsDirectory(folder)) {
    std::vector<KeyValue> files = MnistFiles(folder, "train");
    std::ranges::move(MnistFiles(folder, "t10k"), std::back_inserter(files));
    return PathsOf(files);
  }
  if (FileExists(spec)) return {spec};
  const std::string before_options = spec.substr(0, spec.rfind(':'));
  if (FileExists(before_options)) return {before_options};
  return PathsOf(SplitOptions(spec).value_or(std::vector<KeyValue>{}));
}

Result<LoadedData> LoadData(const std::string& spec, const DataNeeds& needs) try {
  return LoadSource(spec, needs);
} catch (const std::bad_alloc&) {
  return Fail(spec, "takes more memory than there is");
}

}  // namespace descent::runtime
