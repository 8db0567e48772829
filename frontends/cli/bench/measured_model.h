// What `descent bench` and `descent tune` measure, and for how long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "frontends/cli/command.h"
#include "frontends/cli/model_flags.h"
#include "runtime/overwrite.h"

namespace descent::cli {

/// MODEL, which a shell may complete to a ready one.
Option MeasuredModelArgument(std::string* destination);

/// "--threads"
Option ThreadsOption(int64_t* destination);
/// "--entry", of those that can be measured.
Option MeasuredEntryOption(std::string* destination);

/// The file of this name, or the ready model. The files that were read are added to `read`.
Result<Model> LoadMeasuredModel(const std::string& name, const ModelFlags& flags,
                                std::vector<runtime::NamedFile>* read = nullptr);

/// What "--seconds" says, "" for `usual`; a usage error unless that is above 0.
Result<double> SecondsOf(const std::string& text, double usual);

/// `options` with the entry point of `model` that is measured alone, and what gives it a state.
CompileOptions OfOneEntry(CompileOptions options, const Model& model, const std::string& entry);

}  // namespace descent::cli
