#include "compiler/codegen/sort_emitter.h"

#include <bit>
#include <functional>
#include <utility>

#include "compiler/kernel/axis_forms.h"

namespace descent {
namespace {

class SortEmitter {
 public:
  explicit SortEmitter(KernelFrame& frame)
      : frame_(frame),
        f_(frame.f),
        b_(frame.f.b),
        form_(frame.kernel.as<SortForm>()),
        length_(form_.axis.length),
        entry_(b_.getIntNTy(form_.entry_bits)),
        place_bits_(form_.entry_bits / 2),
        left_(f_.Variable(b_.getInt64Ty(), "left")),
        right_(f_.Variable(b_.getInt64Ty(), "right")),
        next_(f_.Variable(b_.getInt64Ty(), "next")) {}

  void Emit() {
    const int64_t units = AxisUnits(form_);
    switch (form_.part) {
      case SortPart::kWhole:
        return frame_.ForOwn(units, [&](llvm::Value* unit) { EmitWhole(unit); }, "unit");
      case SortPart::kRuns:
        return frame_.ForOwn(units, [&](llvm::Value* unit) { EmitRun(unit); }, "unit");
      case SortPart::kMerge:
      case SortPart::kRanks:
        return EmitMerges(units);
    }
  }

 private:
  using Sink = std::function<void(llvm::Value* place, llvm::Value* entry)>;

  /// From scratch into scratch, whose last buffer gives the places.
  void EmitWhole(llvm::Value* unit) {
    llvm::Value* buffers[] = {frame_.ScratchAt(0), frame_.ScratchAt(SortBufferBytes(form_))};
    GoTo(unit);
    LoadEntries(buffers[0], f_.I64(0), f_.I64(length_));
    const int passes = EmitPasses(buffers, f_.I64(length_), length_);
    f_.For(
        f_.I64(0), f_.I64(length_), 1,
        [&](llvm::Value* rank) { StoreRank(rank, LoadEntry(buffers[passes % 2], rank)); }, "store");
  }

  /// Entries and scratch take turns, so that the last pass ends in the entries.
  void EmitRun(llvm::Value* unit) {
    llvm::Value* row = b_.CreateUDiv(unit, f_.I64(SortRuns(form_)));
    llvm::Value* low = f_.Mul(b_.CreateURem(unit, f_.I64(SortRuns(form_))), form_.run);
    llvm::Value* count = f_.Min(f_.I64(form_.run), b_.CreateSub(f_.I64(length_), low));
    llvm::Value* entries =
        f_.Element(entry_, frame_.parameters[1], f_.Add(f_.Mul(row, length_), low));
    llvm::Value* buffers[] = {entries, frame_.ScratchAt(0)};
    if (Passes(form_.run) % 2 != 0) std::swap(buffers[0], buffers[1]);
    GoTo(row);
    LoadEntries(buffers[0], low, count);
    EmitPasses(buffers, count, form_.run);
  }

  /// The own part of all entries, piece by piece: a piece lies in one pair of runs.
  void EmitMerges(int64_t total) {
    const auto [low, high] = frame_.OwnPart(total);
    llvm::AllocaInst* at = f_.Variable(b_.getInt64Ty(), "at");
    b_.CreateStore(low, at);
    f_.While([&] { return b_.CreateICmpSLT(b_.CreateLoad(b_.getInt64Ty(), at), high); },
             [&] {
               llvm::Value* from = b_.CreateLoad(b_.getInt64Ty(), at);
               b_.CreateStore(EmitPiece(from, high), at);
             });
  }

  /// Merges from `from` on up to `high` or the end of the pair; gives where it stops.
  llvm::Value* EmitPiece(llvm::Value* from, llvm::Value* high) {
    llvm::Value* row = b_.CreateUDiv(from, f_.I64(length_));
    llvm::Value* start = f_.Mul(row, length_);
    llvm::Value* low = b_.CreateSub(from, start);
    llvm::Value* pair = b_.CreateUDiv(low, f_.I64(2 * form_.run));
    llvm::Value* first = f_.Mul(pair, 2 * form_.run);
    llvm::Value* middle = f_.Min(f_.Add(first, f_.I64(form_.run)), f_.I64(length_));
    llvm::Value* last = f_.Min(f_.Add(first, f_.I64(2 * form_.run)), f_.I64(length_));
    llvm::Value* stop = f_.Min(b_.CreateSub(high, start), last);
    llvm::Value* entries = f_.Element(entry_, frame_.parameters[0], start);
    Sink sink = [&](llvm::Value* rank, llvm::Value* entry) { StoreRank(rank, entry); };
    if (form_.part == SortPart::kRanks)
      GoTo(row);
    else
      sink = Into(f_.Element(entry_, frame_.parameters[1], start));
    llvm::Value* left = Split(entries, first, middle, last, low);
    llvm::Value* left_end = Split(entries, first, middle, last, stop);
    const auto right = [&](llvm::Value* place, llvm::Value* taken) {
      return f_.Add(middle, b_.CreateSub(b_.CreateSub(place, first), b_.CreateSub(taken, first)));
    };
    EmitMerge(entries, {left, left_end}, {right(low, left), right(stop, left_end)}, low, sink);
    return f_.Add(start, stop);
  }

  /// Where the left run [first, middle) is cut when it and the right one [middle, last) are merged
  /// up to `place`: the first left entry that is not among those before.
  llvm::Value* Split(llvm::Value* entries, llvm::Value* first, llvm::Value* middle,
                     llvm::Value* last, llvm::Value* place) {
    auto* i64 = b_.getInt64Ty();
    llvm::Value* taken = b_.CreateSub(place, first);
    llvm::Value* rights = b_.CreateSub(last, middle);
    llvm::Value* excess = b_.CreateSub(taken, rights);
    llvm::Value* fewest = b_.CreateSelect(b_.CreateICmpSGT(excess, f_.I64(0)), excess, f_.I64(0));
    b_.CreateStore(f_.Add(first, fewest), left_);
    b_.CreateStore(f_.Min(middle, place), right_);
    f_.While(
        [&] { return b_.CreateICmpSLT(b_.CreateLoad(i64, left_), b_.CreateLoad(i64, right_)); },
        [&] {
          llvm::Value *low = b_.CreateLoad(i64, left_), *high = b_.CreateLoad(i64, right_);
          llvm::Value* half = b_.CreateLShr(f_.Add(low, high), 1);
          // Left entry `half` comes before `place` if it is below the right one that would.
          llvm::Value* other = b_.CreateSub(
              f_.Add(middle, b_.CreateSub(taken, b_.CreateSub(half, first))), f_.I64(1));
          llvm::Value* below =
              b_.CreateICmpULT(LoadEntry(entries, half), LoadEntry(entries, other));
          b_.CreateStore(b_.CreateSelect(below, f_.Add(half, f_.I64(1)), low), left_);
          b_.CreateStore(b_.CreateSelect(below, high, half), right_);
        });
    return b_.CreateLoad(i64, left_);
  }

  static int Passes(int64_t length) {
    return length < 2 ? 0 : std::bit_width(static_cast<uint64_t>(length - 1));
  }

  /// Places count from the first element of the unit.
  void GoTo(llvm::Value* unit) {
    const int64_t inner = form_.axis.inner;
    llvm::Value* outer = inner == 1 ? unit : b_.CreateUDiv(unit, f_.I64(inner));
    llvm::Value* lane = inner == 1 ? f_.I64(0) : b_.CreateURem(unit, f_.I64(inner));
    first_ = f_.Add(f_.Mul(outer, length_ * inner), lane);
  }

  llvm::Value* LoadEntry(llvm::Value* entries, llvm::Value* place) {
    return b_.CreateLoad(entry_, f_.Element(entry_, entries, place));
  }
  Sink Into(llvm::Value* entries) {
    return [this, entries](llvm::Value* place, llvm::Value* entry) {
      b_.CreateStore(entry, f_.Element(entry_, entries, place));
    };
  }
  void StoreRank(llvm::Value* rank, llvm::Value* entry) {
    llvm::Value* place = b_.CreateTrunc(entry, b_.getIntNTy(place_bits_));
    b_.CreateStore(rank, Element(1, b_.CreateZExt(place, b_.getInt64Ty())));
  }

  llvm::Value* Element(int parameter, llvm::Value* place) {
    llvm::Type* type = f_.MemoryType(frame_.kernel.parameters[parameter].type.dtype);
    llvm::Value* index = f_.Add(first_, f_.Mul(place, form_.axis.inner));
    return f_.Element(type, frame_.parameters[parameter], index);
  }

  /// Unsigned, in the order of the values: negative floats have their bits inverted, others their
  /// sign set; -0 counts as 0, all NaNs as the largest key.
  llvm::Value* KeyOf(llvm::Value* value, DType dtype) {
    const unsigned bits = 8 * Info(dtype).bytes;
    llvm::Type* type = b_.getIntNTy(bits);
    llvm::Value* sign = llvm::ConstantInt::get(type, llvm::APInt::getSignMask(bits));
    llvm::Value* key = value;
    if (Info(dtype).is_float) {
      value = b_.CreateFAdd(value, llvm::ConstantFP::get(value->getType(), 0));
      llvm::Value* raw = b_.CreateBitCast(value, type);
      key = b_.CreateXor(raw, b_.CreateOr(b_.CreateAShr(raw, bits - 1), sign));
      key = b_.CreateSelect(b_.CreateFCmpUNO(value, value), llvm::Constant::getAllOnesValue(type),
                            key);
    } else if (!Info(dtype).is_unsigned) {
      key = b_.CreateXor(value, sign);
    }
    return form_.descending ? b_.CreateNot(key) : key;
  }

  /// Entries for `count` places from `low` on.
  void LoadEntries(llvm::Value* entries, llvm::Value* low, llvm::Value* count) {
    const DType dtype = frame_.kernel.parameters[0].type.dtype;
    f_.For(
        f_.I64(0), count, 1,
        [&](llvm::Value* i) {
          llvm::Value* place = f_.Add(low, i);
          llvm::Value* value = b_.CreateLoad(f_.MemoryType(dtype), Element(0, place));
          llvm::Value* key = b_.CreateZExt(KeyOf(value, dtype), entry_);
          llvm::Value* entry =
              b_.CreateOr(b_.CreateShl(key, place_bits_), b_.CreateZExt(place, entry_));
          b_.CreateStore(entry, f_.Element(entry_, entries, i));
        },
        "load");
  }

  /// Sorts `count` entries, at most `most`, from buffer to buffer; gives the number of passes.
  int EmitPasses(llvm::Value* const buffers[2], llvm::Value* count, int64_t most) {
    f_.For(
        f_.I64(0), f_.I64(Passes(most)), 1,
        [&](llvm::Value* pass) {
          llvm::Value* odd = b_.CreateTrunc(pass, b_.getInt1Ty());
          EmitPass(b_.CreateSelect(odd, buffers[1], buffers[0]),
                   b_.CreateSelect(odd, buffers[0], buffers[1]), pass, count);
        },
        "pass");
    return Passes(most);
  }

  /// Runs of 2^pass entries become runs of twice as many, from one buffer into the other.
  void EmitPass(llvm::Value* from, llvm::Value* to, llvm::Value* pass, llvm::Value* count) {
    llvm::Value* width = b_.CreateShl(f_.I64(1), pass);
    llvm::Value* both = b_.CreateShl(width, 1);
    llvm::Value* runs = b_.CreateUDiv(b_.CreateSub(f_.Add(count, both), f_.I64(1)), both);
    f_.For(
        f_.I64(0), runs, 1,
        [&](llvm::Value* run) {
          llvm::Value* low = b_.CreateNSWMul(run, both);
          llvm::Value* middle = f_.Min(f_.Add(low, width), count);
          llvm::Value* high = f_.Min(f_.Add(low, both), count);
          EmitMerge(from, {low, middle}, {middle, high}, low, Into(to));
        },
        "run");
  }

  struct Run {
    llvm::Value *low, *high;
  };

  /// Gives the entries of both in rising order to `sink`, with their places from `place` on.
  void EmitMerge(llvm::Value* from, Run a, Run c, llvm::Value* place, const Sink& sink) {
    auto* i64 = b_.getInt64Ty();
    const auto load = [&](llvm::AllocaInst* variable) { return b_.CreateLoad(i64, variable); };
    b_.CreateStore(a.low, left_);
    b_.CreateStore(c.low, right_);
    b_.CreateStore(place, next_);
    f_.While(
        [&] {
          return b_.CreateAnd(b_.CreateICmpSLT(load(left_), a.high),
                              b_.CreateICmpSLT(load(right_), c.high));
        },
        [&] {
          llvm::Value *i = load(left_), *j = load(right_), *to = load(next_);
          llvm::Value *x = LoadEntry(from, i), *y = LoadEntry(from, j);
          llvm::Value* take_left = b_.CreateICmpULT(x, y);
          sink(to, b_.CreateSelect(take_left, x, y));
          llvm::Value* step = b_.CreateZExt(take_left, i64);
          b_.CreateStore(f_.Add(i, step), left_);
          b_.CreateStore(f_.Add(j, b_.CreateSub(f_.I64(1), step)), right_);
          b_.CreateStore(f_.Add(to, f_.I64(1)), next_);
        });
    for (const auto& [variable, end] : {std::pair{left_, a.high}, std::pair{right_, c.high}}) {
      llvm::Value *rest = load(variable), *to = load(next_);
      f_.For(
          rest, end, 1,
          [&](llvm::Value* i) { sink(f_.Add(to, b_.CreateSub(i, rest)), LoadEntry(from, i)); },
          "rest");
    }
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const SortForm& form_;
  const int64_t length_;
  llvm::IntegerType* entry_;
  const unsigned place_bits_;
  llvm::AllocaInst *left_, *right_, *next_;
  llvm::Value* first_ = nullptr;
};

}  // namespace

void EmitSortKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  SortEmitter(frame).Emit();
  frame.Finish();
}

}  // namespace descent
