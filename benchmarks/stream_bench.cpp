// Sealed streams in memory: stream_seal|stream_open/threads_<n>/<bytes>. The source is one block
// over and over where it can be, the sink forgets what it is given, so that the cipher, the
// segments and the threads are what is measured.
#include "support.hpp"

#include <algorithm>

#include <keywarden/key/stream.hpp>

namespace kw = keywarden;
using namespace kw::bench;

namespace {

/// The same block, as often as it takes.
class repeated_source {
 public:
  explicit repeated_source(std::uint64_t size) : size_(size) {}
  [[nodiscard]] kw::result<std::uint64_t> size() const { return size_; }
  [[nodiscard]] kw::result<std::size_t> read_at(std::uint64_t offset, kw::mutable_bytes out) const {
    if (offset >= size_) return std::size_t{0};
    const auto within = static_cast<std::size_t>(offset % block.size());
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>({out.size(), size_ - offset, block.size() - within}));
    kw::copy_bytes(out, kw::bytes_view(block).subspan(within, count));
    return count;
  }

 private:
  static inline const kw::bytes block = kw::bytes(std::size_t{1} << 20U, 0x5a);
  std::uint64_t size_;
};

struct forgetful_sink {
  kw::result<void> write(kw::bytes_view data) {
    benchmark::DoNotOptimize(data.data());
    return kw::done();
  }
};

kw::opened_stream_key<measured> stream_key() {
  return kw::opened_stream_key<measured>::create(kw::key_ring::create({}).value()).value();
}

void seal(benchmark::State& state, unsigned threads) {
  const auto key = stream_key();
  kw::stream_options options;
  options.threads = threads;
  const repeated_source source(static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state)
    if (!key.seal(source, forgetful_sink{}, {}, options)) return state.SkipWithError("refused");
  count_bytes(state, state.range(0));
}

void open(benchmark::State& state, unsigned threads) {
  const auto key = stream_key();
  kw::stream_options options;
  options.threads = threads;
  kw::bytes sealed;
  sealed.reserve(static_cast<std::size_t>(
      key.sealed_size(static_cast<std::uint64_t>(state.range(0))).value()));
  key.seal(repeated_source(static_cast<std::uint64_t>(state.range(0))), kw::bytes_sink(sealed))
      .value();
  for (auto _ : state)
    if (!key.open(kw::memory_source(sealed), forgetful_sink{}, {}, options))
      return state.SkipWithError("refused");
  count_bytes(state, state.range(0));
}

void add(const char* operation, void (*run)(benchmark::State&, unsigned), unsigned threads) {
  auto* made = benchmark::RegisterBenchmark(
      (operation + ("/threads_" + std::to_string(threads))).c_str(), run, threads);
  made->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const std::int64_t size : {1 << 20, 16 << 20, 256 << 20}) made->Arg(size);
  if (full_run())
    for (const std::int64_t size : {std::int64_t{1} << 30, std::int64_t{4} << 30}) made->Arg(size);
}

const int registered = [] {
  for (const unsigned threads : {1U, 2U}) {
    add("stream_seal", seal, threads);
    add("stream_open", open, threads);
  }
  return 0;
}();

}  // namespace
