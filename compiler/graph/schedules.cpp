#include "compiler/graph/schedules.h"

#include <algorithm>
#include <numbers>
#include <string>

namespace descent {
namespace {

const HyperparameterSpec kWarmup = {.name = "warmup_steps",
                                    .default_value = 0.0,
                                    .whole = true,
                                    .doc = "steps over which the rate climbs linearly"};

HyperparameterSpec Steps(std::string_view name, std::string_view doc) {
  return {.name = name,
          .default_value = std::nullopt,
          .above_minimum = true,
          .whole = true,
          .doc = doc};
}

const Schedule* FindSchedule(std::string_view name) {
  const auto schedules = Schedules();
  const auto place = std::ranges::find(schedules, name, &Schedule::name);
  return place == schedules.end() ? nullptr : &*place;
}

}  // namespace

std::span<const Schedule> Schedules() {
  static const std::vector<Schedule> kSchedules = {
      {.name = "constant",
       .doc = "1",
       .hyperparameters = {kWarmup},
       .factor = [](Expr step, const Attributes&) { return step.Like(1); }},
      {.name = "step",
       .doc = "gamma^floor(s / step_size) (PyTorch's StepLR)",
       .hyperparameters = {Steps("step_size", "steps between two drops"),
                           {.name = "gamma",
                            .default_value = 0.1,
                            .above_minimum = true,
                            .doc = "factor of a drop"},
                           kWarmup},
       .factor =
           [](Expr step, const Attributes& h) {
             return Pow(step.Like(h.Float("gamma")), Floor(step / h.Float("step_size")));
           }},
      {.name = "cosine",
       .doc = "minimum + (1 - minimum) (1 + cos(pi min(s, steps) / steps)) / 2 (PyTorch's "
              "CosineAnnealingLR, staying at the end)",
       .hyperparameters =
           {Steps("steps", "length of the half wave"),
            {.name = "minimum", .default_value = 0.0, .maximum = 1, .doc = "factor at its end"},
            kWarmup},
       .factor =
           [](Expr step, const Attributes& h) {
             const double end = h.Float("steps");
             const double minimum = h.Float("minimum");
             const Expr wave = 1.0 + Cos(Minimum(step, end) * (std::numbers::pi / end));
             return minimum + wave * ((1 - minimum) / 2);
           }},
      {.name = "warm_up",
       .doc = "min(1, (s + 1) / steps) (PyTorch's LinearLR from 1 / steps)",
       .hyperparameters = {Steps("steps", "steps until the full rate")},
       .factor = [](Expr step,
                    const Attributes& h) { return Minimum((step + 1.0) / h.Float("steps"), 1.0); }},
  };
  return kSchedules;
}

Result<Attributes> CompleteSchedule(std::string_view name, const Attributes& given) {
  const Schedule* schedule = FindSchedule(name);
  if (schedule == nullptr) {
    auto error = Error("no schedule {}", Quoted(name));
    for (const Schedule& known : Schedules())
      error.error().hint +=
          (error.error().hint.empty() ? "there are " : ", ") + std::string(known.name);
    return error;
  }
  return Complete(fmt::format("schedule {}", name), schedule->hyperparameters, given);
}

Expr ScheduleFactor(std::string_view name, const Attributes& hyperparameters, Expr step) {
  const Schedule* schedule = FindSchedule(name);
  DESCENT_CHECK(schedule != nullptr, "the schedule was checked");
  const Attribute* warmup = hyperparameters.Find(kWarmup.name);
  const double steps = warmup != nullptr ? std::get<double>(*warmup) : 0;
  if (steps == 0) return schedule->factor(step, hyperparameters);
  const Expr climb = Minimum((step + 1.0) / steps, 1.0);
  return climb * schedule->factor(Maximum(step - steps, 0.0), hyperparameters);
}

}  // namespace descent
