// Sealed streams in memory, whole and read at any place.

#include <keywarden/key/stream.hpp>

#include "fuzz/property.hpp"
#include "fuzz/world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

constexpr std::initializer_list<errc> listed{
    errc::truncated, errc::unsupported_version, errc::unknown_key, errc::unsupported_suite,
    errc::malformed, errc::limit_exceeded,      errc::reordered,   errc::authentication_failed};

// Memory that can only be read in order, a few bytes at a time, like a pipe.
class trickle {
 public:
  explicit trickle(bytes_view data) : rest_(data) {}
  [[nodiscard]] result<std::size_t> read(mutable_bytes out) {
    const auto count = std::min({out.size(), rest_.size(), std::size_t{777}});
    std::ranges::copy(rest_.first(count), out.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  bytes_view rest_;
};

stream_options small_segments() {
  stream_options options;
  options.segment_size = stream::least_segment_size;
  return options;
}

void require_true_beginning(const bytes& given, bytes_view input) {
  require(given.size() <= input.size(), "a stream gives no more than it holds");
  require(given == content(given.size()), "what is given out is a true beginning");
}

template <class Key>
bool opens_whole(const Key& key, bytes_view input, bytes_view about) {
  bytes in_place;
  const auto placed = key.open(memory_source(input), bytes_sink(in_place), about, small_segments());
  const bool good = settled(placed, listed);
  if (good) require(*placed == in_place.size(), "a stream counts what it gives out");
  require_true_beginning(in_place, input);

  bytes in_order;
  const auto ordered = key.open(trickle(input), bytes_sink(in_order), about, small_segments());
  require(settled(ordered, listed) == good, "every kind of source agrees");
  if (good) require(in_order == in_place, "every kind of source gives the same");
  require_true_beginning(in_order, input);
  return good;
}

// Reads it all, last part first; whether every part was given out.
template <class Key>
bool reads_whole(const Key& key, bytes_view input, bytes_view about) {
  auto reader = key.reader(memory_source(input), about, small_segments());
  if (!settled(reader, listed)) return false;
  require(reader->size() <= input.size(), "a reader's size is bounded by what there is");
  const auto truth = content(static_cast<std::size_t>(reader->size()));
  bool all = true;
  bytes part(1000);
  for (auto from = (truth.size() / part.size() + 1) * part.size(); from > 0;) {
    from -= part.size();
    const auto got = reader->read_at(from, part);
    const auto size = from < truth.size() ? std::min(part.size(), truth.size() - from) : 0;
    if (settled(got, listed)) {
      require(*got == size, "a reader gives all that was asked for");
      require(std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(size),
                         truth.begin() + static_cast<std::ptrdiff_t>(std::min(from, truth.size()))),
              "what a reader gives is what was sealed there");
    } else {
      all = false;
      require(std::ranges::count(part, 0) == static_cast<std::ptrdiff_t>(part.size()),
              "a refused read leaves nothing behind");
    }
  }
  return all;
}

template <class Purpose, class Form>
bool opens(bytes_view input, bytes_view about) {
  static const auto key = opened_stream_key<Purpose, Form>::create(ring()).value();
  const bool whole = opens_whole(key, input, about);
  require(reads_whole(key, input, about) == whole, "a reader agrees with opening whole");
  return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  const auto about = as_bytes(associated);
  const int ways =
      opens<rows, stream::native>(input, about) + opens<rows, stream::tink>(input, about);
  require(ways == (is_original("stream", input) ? 1 : 0),
          "a stream opens if and only if it is as it was sealed");
  require(!opens<rows, stream::native>(input, {}) && !opens<rows, stream::tink>(input, {}),
          "without its associated data nothing opens");
  require(
      !opens<others, stream::native>(input, about) && !opens<others, stream::tink>(input, about),
      "for another purpose nothing opens");
  return 0;
}
