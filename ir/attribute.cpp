#include "ir/attribute.h"

#include <algorithm>
#include <bit>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace descent {
namespace {

size_t Mix(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2));
}

}  // namespace

std::string_view ToString(AttributeKind kind) {
  static constexpr std::string_view kNames[] = {
      "a bool",  "an integer", "a number", "a string", "a list of integers", "a list of numbers",
      "a dtype", "a tensor",   "a graph"};
  return kNames[static_cast<size_t>(kind)];
}

bool SameAttribute(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const auto* number = std::get_if<double>(&a))
    return std::bit_cast<uint64_t>(*number) == std::bit_cast<uint64_t>(std::get<double>(b));
  if (const auto* list = std::get_if<std::vector<double>>(&a))
    return std::ranges::equal(*list, std::get<std::vector<double>>(b), [](double x, double y) {
      return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
    });
  if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&a))
    return SameGraph(**body, *std::get<std::shared_ptr<const Graph>>(b));
  return a == b;
}

size_t HashAttribute(const Attribute& attribute) {
  const size_t kind = attribute.index();
  return std::visit(
      [&](const auto& value) -> size_t {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Tensor>) {
          const auto bytes = value.bytes();
          return Mix(Mix(kind, static_cast<size_t>(value.elements())),
                     std::hash<std::string_view>()(
                         {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
        } else if constexpr (std::is_same_v<T, std::shared_ptr<const Graph>>) {
          size_t hash = Mix(kind, value->nodes().size());
          for (const Node& node : value->nodes())
            hash += Mix(reinterpret_cast<size_t>(node.op), HashAttributes(node.attributes));
          return hash;
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>> ||
                             std::is_same_v<T, std::vector<double>>) {
          size_t hash = Mix(kind, value.size());
          for (const auto element : value) hash = Mix(hash, std::bit_cast<uint64_t>(element));
          return hash;
        } else if constexpr (std::is_same_v<T, double>) {
          return Mix(kind, std::bit_cast<uint64_t>(value));
        } else {
          return Mix(kind, std::hash<T>()(value));
        }
      },
      attribute);
}

Attributes::Attributes(std::initializer_list<Entry> entries) {
  for (const Entry& entry : entries) Set(entry.first, entry.second);
}

void Attributes::Set(std::string name, Attribute value) {
  auto place = std::ranges::lower_bound(entries_, name, {}, &Entry::first);
  if (place != entries_.end() && place->first == name) {
    place->second = std::move(value);
  } else {
    entries_.emplace(place, std::move(name), std::move(value));
  }
}

void Attributes::Erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == name; });
}

const Attribute* Attributes::Find(std::string_view name) const {
  auto place = std::ranges::lower_bound(entries_, name, {}, &Entry::first);
  return place != entries_.end() && place->first == name ? &place->second : nullptr;
}

bool SameAttributes(const Attributes& a, const Attributes& b) {
  return std::ranges::equal(a, b, [](const Attributes::Entry& x, const Attributes::Entry& y) {
    return x.first == y.first && SameAttribute(x.second, y.second);
  });
}

size_t HashAttributes(const Attributes& attributes) {
  size_t hash = attributes.size();
  for (const auto& [name, value] : attributes)
    hash = Mix(Mix(hash, std::hash<std::string>()(name)), HashAttribute(value));
  return hash;
}

void MissingAttribute(std::string_view name) {
  InternalError(__FILE__, __LINE__, fmt::format("no attribute {} of the expected kind", name));
}

}  // namespace descent
