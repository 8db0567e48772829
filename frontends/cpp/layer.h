// Layer: a function of one variable with named parameters, as an nn.Module of PyTorch.
//
// A layer lists its members, parameters and other layers, by name, and says how it computes. The
// names of a tree of layers are PyTorch's: "layer1.0.conv1.weight". Layers and parameters are
// handles as Python's objects are: a copy is the same layer, and a parameter that two layers list
// is stored once, under its first name.
//
//   Layer Block(int64_t channels) {
//     const Layer conv = Conv2d(channels, channels, 3, {.padding = 1, .bias = false});
//     const Layer bn = BatchNorm2d(channels);
//     return Layer("Block", {{"conv", conv}, {"bn", bn}},
//                  [=](const Variable& x) { return Relu(x + bn(conv(x))); });
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "frontends/cpp/variable.h"
#include "ir/model.h"

namespace descent::nn {

/// A tensor of the state that a layer reads: what training changes, or a statistic.
class Parameter {
 public:
  Parameter(Shape shape, Initializer initializer, SlotKind kind = SlotKind::kParameter);
  /// Stands for a parameter that a layer does not have; ModelBuilder reports it where it is read.
  static Parameter Missing(std::string_view name);

  const Shape& shape() const { return data_->shape; }
  const Initializer& initializer() const { return data_->initializer; }
  SlotKind kind() const { return data_->kind; }
  bool is_trainable() const { return data_->is_trainable; }
  const std::string& missing() const { return data_->missing; }  ///< "" where it is there

  /// Before the layer is added to a model.
  void Initialize(Initializer initializer) { data_->initializer = std::move(initializer); }
  void Freeze() { data_->is_trainable = false; }

  /// Tells handles of one parameter from those of another.
  const void* identity() const { return data_.get(); }

 private:
  struct Data {
    Shape shape;
    Initializer initializer;
    SlotKind kind = SlotKind::kParameter;
    bool is_trainable = true;
    std::string missing;
  };
  std::shared_ptr<Data> data_;
};

struct NamedParameter {
  std::string name;  ///< "0.weight"
  Parameter parameter;
};

struct Member;

class Layer {
 public:
  using Forward = std::function<Variable(const Variable&)>;

  /// Gives x itself.
  Layer() = default;
  /// `kind` is named in errors: "Conv2d". `forward` may call members only.
  Layer(std::string kind, std::vector<Member> members, Forward forward);
  /// Without parameters.
  Layer(std::string kind, Forward forward);

  Variable operator()(const Variable& x) const;

  const std::string& kind() const;
  const std::vector<Member>& members() const;
  /// In PyTorch's order: a layer's own, then those of its members. Shared ones stand once.
  std::vector<NamedParameter> parameters() const;
  /// "0.weight"
  Parameter parameter(std::string_view name) const;
  /// Of all parameters whose names match the glob, statistics excepted.
  void Initialize(std::string_view pattern, const Initializer& initializer) const;

  const void* identity() const { return data_.get(); }

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

struct Member {
  std::string name;
  std::variant<Parameter, Layer> what;
};

}  // namespace descent::nn
