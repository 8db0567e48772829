// Changes of a protobuf message that keep it one: a number for another one, a string for one that
// stands in the same field elsewhere, an element left out, said twice or exchanged. Few changed
// bytes of a serialized message can be read at all.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace descent {

class ProtoMutator {
 public:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  ProtoMutator(Message& message, unsigned seed) : message_(message), random_(seed) {}

  void Mutate() {
    for (size_t changes = Draw(3) + 1; changes > 0; --changes) {
      places_.clear();
      Collect(message_);
      if (!places_.empty()) Change(places_[Draw(places_.size())]);
    }
  }

  size_t Draw(size_t count) { return random_() % count; }

 private:
  /// A field of a message that has it, or an element of a repeated one.
  struct Place {
    Message* message;
    const Field* field;
    int index;  ///< -1: not repeated
  };

  void Collect(Message& message) {
    const auto& reflection = *message.GetReflection();
    std::vector<const Field*> fields;
    reflection.ListFields(message, &fields);
    for (const Field* field : fields) {
      const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        places_.push_back({&message, field, field->is_repeated() ? i : -1});
        if (field->cpp_type() == Field::CPPTYPE_MESSAGE) Collect(Child(places_.back()));
      }
    }
  }

  static Message& Child(const Place& place) {
    const auto& reflection = *place.message->GetReflection();
    return place.index < 0
               ? *reflection.MutableMessage(place.message, place.field)
               : *reflection.MutableRepeatedMessage(place.message, place.field, place.index);
  }

  void Change(const Place& place) {
    const size_t choice = Draw(4);
    if (place.index >= 0 && choice == 0) return Remove(place);
    if (place.index >= 0 && choice == 1) return Repeat(place);
    if (choice == 2) return CopyFrom(place, Sibling(place));
    SetRandom(place);
  }

  void Remove(const Place& place) {
    const auto& reflection = *place.message->GetReflection();
    reflection.SwapElements(place.message, place.field, place.index,
                            reflection.FieldSize(*place.message, place.field) - 1);
    reflection.RemoveLast(place.message, place.field);
  }

  void Repeat(Place place) {
    const auto& reflection = *place.message->GetReflection();
    const Place from = place;
    place.index = reflection.FieldSize(*place.message, place.field);
    const Field* field = place.field;
    switch (field->cpp_type()) {
      case Field::CPPTYPE_INT32:
        reflection.AddInt32(place.message, field, 0);
        break;
      case Field::CPPTYPE_INT64:
        reflection.AddInt64(place.message, field, 0);
        break;
      case Field::CPPTYPE_UINT64:
        reflection.AddUInt64(place.message, field, 0);
        break;
      case Field::CPPTYPE_FLOAT:
        reflection.AddFloat(place.message, field, 0);
        break;
      case Field::CPPTYPE_DOUBLE:
        reflection.AddDouble(place.message, field, 0);
        break;
      case Field::CPPTYPE_STRING:
        reflection.AddString(place.message, field, "");
        break;
      case Field::CPPTYPE_MESSAGE:
        reflection.AddMessage(place.message, field);
        break;
      default:
        return;
    }
    CopyFrom(place, from);
  }

  /// A place of the same field, perhaps of another message.
  Place Sibling(const Place& place) {
    std::vector<Place> siblings;
    for (const Place& each : places_)
      if (each.field == place.field) siblings.push_back(each);
    return siblings[Draw(siblings.size())];
  }

  static std::string TextOf(const Place& place) {
    const auto& reflection = *place.message->GetReflection();
    return place.index < 0 ? reflection.GetString(*place.message, place.field)
                           : reflection.GetRepeatedString(*place.message, place.field, place.index);
  }
  static void SetText(const Place& place, const std::string& text) {
    const auto& reflection = *place.message->GetReflection();
    if (place.index < 0)
      reflection.SetString(place.message, place.field, text);
    else
      reflection.SetRepeatedString(place.message, place.field, place.index, text);
  }

  static int64_t IntegerOf(const Place& place) {
    const auto& reflection = *place.message->GetReflection();
    return place.index < 0 ? reflection.GetInt64(*place.message, place.field)
                           : reflection.GetRepeatedInt64(*place.message, place.field, place.index);
  }
  static void SetInteger(const Place& place, int64_t number) {
    const auto& reflection = *place.message->GetReflection();
    if (place.index < 0)
      reflection.SetInt64(place.message, place.field, number);
    else
      reflection.SetRepeatedInt64(place.message, place.field, place.index, number);
  }

  void CopyFrom(const Place& to, const Place& from) {
    switch (to.field->cpp_type()) {
      case Field::CPPTYPE_INT64:
        return SetInteger(to, IntegerOf(from));
      case Field::CPPTYPE_STRING:
        return SetText(to, TextOf(from));
      case Field::CPPTYPE_MESSAGE: {
        // One may hold the other.
        const std::unique_ptr<Message> copy(Child(from).New());
        copy->CopyFrom(Child(from));
        return Child(to).CopyFrom(*copy);
      }
      default:
        return SetRandom(to);
    }
  }

  void SetRandom(const Place& place) {
    static constexpr int64_t kIntegers[] = {0,
                                            1,
                                            2,
                                            3,
                                            4,
                                            7,
                                            -1,
                                            -2,
                                            64,
                                            255,
                                            1000003,
                                            int64_t{1} << 40,
                                            16,
                                            10,
                                            100,
                                            6,
                                            std::numeric_limits<int64_t>::min(),
                                            std::numeric_limits<int64_t>::max()};
    static constexpr float kFloats[] = {0,
                                        1,
                                        -1,
                                        0.5,
                                        1e30F,
                                        1e-30F,
                                        std::numeric_limits<float>::infinity(),
                                        std::numeric_limits<float>::quiet_NaN()};
    const auto& reflection = *place.message->GetReflection();
    const int64_t integer = kIntegers[Draw(std::size(kIntegers))];
    const float number = kFloats[Draw(std::size(kFloats))];
    const bool one = place.index < 0;
    switch (place.field->cpp_type()) {
      case Field::CPPTYPE_INT32: {
        const auto small = static_cast<int32_t>(integer);
        return one ? reflection.SetInt32(place.message, place.field, small)
                   : reflection.SetRepeatedInt32(place.message, place.field, place.index, small);
      }
      case Field::CPPTYPE_INT64:
        return SetInteger(place, integer);
      case Field::CPPTYPE_FLOAT:
        return one ? reflection.SetFloat(place.message, place.field, number)
                   : reflection.SetRepeatedFloat(place.message, place.field, place.index, number);
      case Field::CPPTYPE_ENUM:
        return one ? reflection.SetEnumValue(place.message, place.field, static_cast<int>(Draw(16)))
                   : void();
      case Field::CPPTYPE_STRING: {
        std::string text = TextOf(place);
        if (text.empty() || Draw(4) == 0)
          text.insert(text.begin() + static_cast<std::ptrdiff_t>(Draw(text.size() + 1)),
                      static_cast<char>(random_()));
        else
          text[Draw(text.size())] = static_cast<char>(random_());
        return SetText(place, text);
      }
      case Field::CPPTYPE_MESSAGE:
        return Child(place).Clear();
      default:
        return;
    }
  }

  Message& message_;
  std::mt19937 random_;
  std::vector<Place> places_;
};

}  // namespace descent
