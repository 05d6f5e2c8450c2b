// The concepts of core: an archetype that satisfies each, and for each requirement a type that
// lacks only that.

#include <keywarden/core/clock.hpp>
#include <keywarden/core/random.hpp>

namespace core_concepts_static {

namespace kw = keywarden;

namespace clocks {
struct archetype {
  kw::time_point now() const;
};
struct without_now {};
struct changing {
  kw::time_point now();  // not const
};
struct finer {
  std::chrono::system_clock::time_point now() const;
};
struct counting {
  long now() const;
};
}  // namespace clocks

static_assert(kw::clock_source<clocks::archetype>);
static_assert(!kw::clock_source<clocks::without_now>);
static_assert(!kw::clock_source<clocks::changing>);
static_assert(!kw::clock_source<clocks::finer>);
static_assert(!kw::clock_source<clocks::counting>);
static_assert(!kw::clock_source<std::chrono::system_clock>);

namespace sources {
struct archetype {
  kw::result<void> fill(kw::mutable_bytes);
};
struct without_fill {};
struct unchecked {
  void fill(kw::mutable_bytes);  // failure would go unnoticed
};
struct counting {
  kw::result<std::size_t> fill(kw::mutable_bytes);  // so would a part
};
struct reading {
  kw::result<void> fill(kw::bytes&);
};
struct immovable {
  immovable() = default;
  immovable(immovable&&) = delete;
  kw::result<void> fill(kw::mutable_bytes);
};
}  // namespace sources

static_assert(kw::random_source<sources::archetype>);
static_assert(kw::random_source<sources::archetype&>);
static_assert(!kw::random_source<sources::without_fill>);
static_assert(!kw::random_source<sources::unchecked>);
static_assert(!kw::random_source<sources::counting>);
static_assert(!kw::random_source<sources::reading>);
static_assert(!kw::random_source<sources::immovable>);
static_assert(!kw::random_source<const sources::archetype>);

}  // namespace core_concepts_static
