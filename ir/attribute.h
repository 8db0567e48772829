// Attributes: the static parameters of a node, by name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/tensor.h"
#include "ir/type.h"

namespace descent {

class Graph;

enum class AttributeKind { kBool, kInt, kFloat, kString, kInts, kFloats, kDType, kTensor, kGraph };

/// The alternatives stand in the order of AttributeKind.
using Attribute = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>,
                               std::vector<double>, DType, Tensor, std::shared_ptr<const Graph>>;

inline AttributeKind KindOf(const Attribute& attribute) {
  return static_cast<AttributeKind>(attribute.index());
}
std::string_view ToString(AttributeKind kind);

/// Equality that tells floats by their bits and bodies by their structure.
bool SameAttribute(const Attribute& a, const Attribute& b);
size_t HashAttribute(const Attribute& attribute);

/// A small map from name to attribute, kept sorted by name so that equal maps print equally.
class Attributes {
 public:
  using Entry = std::pair<std::string, Attribute>;

  Attributes() = default;
  Attributes(std::initializer_list<Entry> entries);

  void Set(std::string name, Attribute value);
  void Erase(std::string_view name);
  const Attribute* Find(std::string_view name) const;

  // Typed access to an attribute that is known to be there (the signature was checked).
  bool Bool(std::string_view name) const { return Get<bool>(name); }
  int64_t Int(std::string_view name) const { return Get<int64_t>(name); }
  double Float(std::string_view name) const { return Get<double>(name); }
  const std::string& String(std::string_view name) const { return Get<std::string>(name); }
  const std::vector<int64_t>& Ints(std::string_view name) const {
    return Get<std::vector<int64_t>>(name);
  }
  const std::vector<double>& Floats(std::string_view name) const {
    return Get<std::vector<double>>(name);
  }
  DType Type(std::string_view name) const { return Get<DType>(name); }
  const Tensor& Literal(std::string_view name) const { return Get<Tensor>(name); }
  const Graph& Body(std::string_view name) const {
    return *Get<std::shared_ptr<const Graph>>(name);
  }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

 private:
  template <typename T>
  const T& Get(std::string_view name) const;

  std::vector<Entry> entries_;
};

bool SameAttributes(const Attributes& a, const Attributes& b);
size_t HashAttributes(const Attributes& attributes);

/// Ends the process: code asked for an attribute that the signature does not promise.
[[noreturn]] void MissingAttribute(std::string_view name);

template <typename T>
const T& Attributes::Get(std::string_view name) const {
  const Attribute* attribute = Find(name);
  if (attribute == nullptr || !std::holds_alternative<T>(*attribute)) MissingAttribute(name);
  return std::get<T>(*attribute);
}

}  // namespace descent
