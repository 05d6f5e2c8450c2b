// stream_file <seal|open> <from> <to>
//
// A file through Keywarden's sealed stream in one thread, to be timed beside other programs. The
// key is a fixed one: this protects nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <keywarden/key/direct_file_sink.hpp>
#include <keywarden/key/stream.hpp>

namespace kw = keywarden;

namespace {

struct measured {
  static constexpr std::string_view name = "benchmark file";
};

/// The same key in every process.
struct not_random {
  kw::result<void> fill(kw::mutable_bytes out) {
    std::ranges::fill(out, std::uint8_t{7});
    return kw::done();
  }
};

using key_of_files = kw::opened_stream_key<measured>;

kw::result<std::uint64_t> work(const key_of_files& key, std::string_view operation,
                               const kw::file_source& from, kw::byte_sink auto& to) {
  return operation == "seal" ? key.seal(from, to) : key.open(from, to);
}

// As the command line tool: what is large goes past the page cache.
kw::result<std::uint64_t> work(std::string_view operation, int from_file, int to_file) {
  auto ring = kw::key_ring::create({}, not_random{});
  if (!ring) return ring.error();
  const auto key = key_of_files::create(*ring);
  if (!key) return key.error();
  const kw::file_source from(from_file);
  auto size = from.size();
  if (!size) return size.error();
  if (*size < std::uint64_t{64} << 20U) {
    kw::fd_sink to(to_file);
    return work(*key, operation, from, to);
  }
  auto to = kw::direct_file_sink::create(to_file);
  if (!to) return to.error();
  auto written = work(*key, operation, from, *to);
  if (!written) return written;
  if (auto finished = to->finish(); !finished) return finished.error();
  return written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: stream_file <seal|open> <from> <to>\n", stderr);
    return 2;
  }
  const int from = ::open(argv[2], O_RDONLY | O_CLOEXEC);
  const int to = ::open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (from < 0 || to < 0) {
    std::perror("stream_file");
    return 1;
  }
  const auto done = work(argv[1], from, to);
  if (!done) {
    std::fprintf(stderr, "stream_file: %s\n", done.error().message().c_str());
    return 1;
  }
  return ::close(to) == 0 ? 0 : 1;
}
