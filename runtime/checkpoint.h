// Checkpoints: everything that a training run needs to go on as if it had never stopped, in one
// safetensors file.
//
// Contents: every state slot under its own name; as "descent/normalization/<input>/{shift,factor}"
// what normalization was fitted; the rest as text in the metadata (keys "descent.*"): format, model
// hash, prediction hash, target, progress, seed, splits, column and class names. Nothing of the
// machine or the moment (no times, hosts, thread counts), so a run that was killed and resumed ends
// in the same bytes as one that was not. A checksum over all of it tells damage from truth.
//
// Files: FILE is the newest, FILE.1 the one before (used with a warning when FILE is damaged),
// FILE.best the one with the lowest validation loss. FILE exists at every moment after the first
// save.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/prepared.h"
#include "runtime/program.h"
#include "runtime/safetensors.h"

namespace descent::runtime {

/// Where training stands. Losses are f64; infinity means there is none yet.
struct Progress {
  int64_t epoch = 0;    ///< finished epochs
  int64_t batch = 0;    ///< finished batches of the current one: the data cursor
  int64_t step = 0;     ///< finished steps
  double loss_sum = 0;  ///< of the current epoch, weighted by rows
  int64_t loss_rows = 0;
  double epoch_loss =
      std::numeric_limits<double>::infinity();  ///< mean over the last finished epoch
  double previous_loss = std::numeric_limits<double>::infinity();  ///< and the one before it
  double best_loss = std::numeric_limits<double>::infinity();      ///< lowest validation loss
  int64_t best_epoch = 0;
  int64_t epochs_without_improvement = 0;
  bool operator==(const Progress&) const = default;
};

/// What was decided before the first step, and what the data was.
struct Provenance {
  int64_t seed = 1;
  double validation_split = 0, test_split = 0;
  uint64_t data_fingerprint = 0;
  std::string label;                  ///< column; empty: none
  std::vector<std::string> features;  ///< feature columns, when the data names them
  std::map<std::string, std::vector<std::string>> classes;  ///< class names by column
  Normalizations normalizations;
  bool operator==(const Provenance& other) const;
};

struct TrainingRecord {
  Progress progress;
  Provenance provenance;
};

Bytes MakeCheckpoint(const Program& program, const State& state, const TrainingRecord& record);

/// A parsed file of parameters: a checkpoint, or bare weights of any origin.
struct Weights {
  Bytes owned;  ///< what `file` views
  Safetensors file;
  std::string path;
  std::optional<TrainingRecord> record;  ///< of a checkpoint

  Weights(Bytes bytes, Safetensors parsed, std::string place)
      : owned(std::move(bytes)), file(std::move(parsed)), path(std::move(place)) {}
};

/// Parses; checks the checksum of a checkpoint.
Result<Weights> ParseWeights(Bytes bytes, const std::string& path);
/// And, of a checkpoint of this program's model, that it is complete.
Result<Weights> ParseWeights(Bytes bytes, const std::string& path, const Program& program);

/// Name of the model that a checkpoint was trained as.
std::string_view ModelOf(const Weights& checkpoint);
/// Hash of what its predictions depended on (descent_program::prediction_hash).
std::string_view PredictionHashOf(const Weights& checkpoint);
/// Whether a tensor of a checkpoint is a fitted normalization.
inline constexpr std::string_view kNormalizationPrefix = "descent/normalization/";
bool IsNormalization(std::string_view tensor_name);

enum class Accept {
  kCheckpoint,  ///< what train wrote
  kAnyWeights,  ///< also bare parameters of another origin
};
/// FILE, or FILE.1 with `*warning` set when FILE is missing or damaged. A checkpoint of another
/// model is refused.
Result<Weights> LoadCheckpoint(const std::string& path, const Program& program, Accept accept,
                               std::string* warning);

/// The weights in the program itself, if there are any.
Result<std::optional<Weights>> LoadBakedWeights(const Program& program);

enum class Restore {
  kEverything,   ///< all slots must be there
  kParameters,   ///< parameters and statistics must; others where they are
  kFirstValues,  ///< parameters and statistics alone: another training begins with them
};
Result<void> RestoreState(const Program& program, const Weights& weights, Restore what,
                          State& state);

/// The files of one run.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string previous_path() const { return path_ + ".1"; }
  std::string best_path() const { return path_ + ".best"; }

  /// A new run: what an older one left under the same name is not its history. Its FILE stays until
  /// the first Save.
  void BeginNewRun() { fresh_ = true; }

  /// FILE is damaged: the next Save replaces it and leaves FILE.1, which is whole, alone.
  void DistrustNewest() { newest_is_damaged_ = true; }

  /// FILE becomes FILE.1 and `bytes` FILE.
  Result<void> Save(ByteView bytes);
  Result<void> SaveBest(ByteView bytes);

 private:
  Result<void> DropOlderRun();
  std::string path_;
  bool fresh_ = false, newest_is_damaged_ = false;
};

}  // namespace descent::runtime
