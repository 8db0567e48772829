#include "compiler/kernel/call_order.h"

#include <algorithm>
#include <map>

#include "compiler/kernel/earlier_calls.h"

namespace descent {
namespace {

struct Extent {
  Space space;
  int64_t begin, end;
};

Extent ExtentOf(const EntryProgram& entry, int buffer) {
  const Buffer& b = entry.buffers[buffer];
  const bool numbered = b.space == Space::kInput || b.space == Space::kOutput;
  return {b.space, b.offset, b.offset + (numbered ? 1 : std::max<int64_t>(b.type.bytes(), 1))};
}

/// For each byte of one space the call that wrote it last, and those that have read it since. No
/// earlier call matters to a later one: it is before the last writer.
class LastTouches {
 public:
  /// Adds what a call that reads these bytes must come behind.
  void ReadersFollow(int64_t begin, int64_t end, std::vector<int>& calls) {
    ForEach(begin, end, [&](const Piece& piece) { Add(piece.writer, calls); });
  }
  /// Adds what a call that writes these bytes must come behind.
  void WritersFollow(int64_t begin, int64_t end, std::vector<int>& calls) {
    ForEach(begin, end, [&](const Piece& piece) {
      Add(piece.writer, calls);
      calls.insert(calls.end(), piece.readers.begin(), piece.readers.end());
    });
  }

  void Read(int64_t begin, int64_t end, int call) {
    Cut(begin);
    Cut(end);
    int64_t at = begin;
    for (auto piece = pieces_.lower_bound(begin); at < end; ++piece) {
      if (piece == pieces_.end() || piece->first > at) {  // nothing has touched these bytes
        const int64_t next = piece == pieces_.end() ? end : std::min(end, piece->first);
        piece = pieces_.emplace_hint(piece, at, Piece{.end = next});
      }
      piece->second.readers.push_back(call);
      at = piece->second.end;
    }
  }
  void Write(int64_t begin, int64_t end, int call) {
    Cut(begin);
    Cut(end);
    pieces_.erase(pieces_.lower_bound(begin), pieces_.lower_bound(end));
    pieces_[begin] = {.end = end, .writer = call};
  }

 private:
  struct Piece {
    int64_t end = 0;
    int writer = -1;
    std::vector<int> readers = {};
  };

  static void Add(int call, std::vector<int>& calls) {
    if (call >= 0) calls.push_back(call);
  }

  /// Makes pieces end and begin at `at`.
  void Cut(int64_t at) {
    auto piece = pieces_.upper_bound(at);
    if (piece == pieces_.begin()) return;
    --piece;
    if (piece->first == at || piece->second.end <= at) return;
    pieces_.emplace(at, piece->second);
    piece->second.end = at;
  }

  template <typename Visit>
  void ForEach(int64_t begin, int64_t end, const Visit& visit) {
    auto piece = pieces_.upper_bound(begin);
    if (piece != pieces_.begin() && std::prev(piece)->second.end > begin) --piece;
    for (; piece != pieces_.end() && piece->first < end; ++piece) visit(piece->second);
  }

  std::map<int64_t, Piece> pieces_;  ///< by their begin
};

class Ordering {
 public:
  Ordering(const EntryProgram& entry, const StepListing& steps)
      : entry_(entry), steps_(steps), before_(static_cast<int>(steps.calls.size())) {}

  std::vector<std::pair<int, int>> Run() {
    size_t first = 0;  // accesses are listed by call
    for (int call = 0; call < static_cast<int>(steps_.calls.size()); ++call) {
      size_t last = first;
      while (last < steps_.accesses.size() && steps_.accesses[last].call == call) ++last;
      AddCall(call, std::span(steps_.accesses).subspan(first, last - first));
      first = last;
    }
    std::ranges::sort(edges_);
    return std::move(edges_);
  }

 private:
  void AddCall(int call, std::span<const Access> accesses) {
    std::vector<int> earlier;
    for (const Access& access : accesses) {
      const Extent extent = ExtentOf(entry_, access.buffer);
      LastTouches& touches = touches_[extent.space];
      if (access.written)
        touches.WritersFollow(extent.begin, extent.end, earlier);
      else
        touches.ReadersFollow(extent.begin, extent.end, earlier);
    }
    for (const int buffer : steps_.calls[call]->after) {
      const Extent extent = ExtentOf(entry_, buffer);
      touches_[extent.space].ReadersFollow(extent.begin, extent.end, earlier);
    }
    // The latest first: an earlier one is often before it.
    std::ranges::sort(earlier, std::greater());
    for (const int other : earlier) {
      if (before_.IsBefore(other, call)) continue;
      edges_.emplace_back(other, call);
      before_.Put(other, call);
    }
    for (const bool written : {false, true})
      for (const Access& access : accesses) {
        if (access.written != written) continue;
        const Extent extent = ExtentOf(entry_, access.buffer);
        LastTouches& touches = touches_[extent.space];
        if (written)
          touches.Write(extent.begin, extent.end, call);
        else
          touches.Read(extent.begin, extent.end, call);
      }
  }

  const EntryProgram& entry_;
  const StepListing& steps_;
  EarlierCalls before_;
  std::map<Space, LastTouches> touches_;
  std::vector<std::pair<int, int>> edges_;
};

}  // namespace

std::vector<std::pair<int, int>> CallOrder(const EntryProgram& entry, const StepListing& steps) {
  return Ordering(entry, steps).Run();
}

}  // namespace descent
