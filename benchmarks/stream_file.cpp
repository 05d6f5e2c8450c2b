// stream_file <seal|open> <from> <to>
//
// A file through Keywarden's sealed stream in one thread, to be timed beside other programs. The
// key is a fixed one: this protects nothing.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

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

kw::result<std::uint64_t> work(std::string_view operation, int from, int to) {
  auto ring = kw::key_ring::create({}, not_random{});
  if (!ring) return ring.error();
  auto key = kw::opened_stream_key<measured>::create(*ring);
  if (!key) return key.error();
  return operation == "seal" ? key->seal(kw::file_source(from), kw::fd_sink(to))
                             : key->open(kw::file_source(from), kw::fd_sink(to));
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
