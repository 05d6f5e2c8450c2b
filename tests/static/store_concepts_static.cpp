// The concept record_store: an archetype that satisfies it, and for each requirement a type that
// lacks only that.

#include <keywarden/store/concepts.hpp>

#include <string>

namespace store_concepts_static {

namespace kw = keywarden;
namespace store = keywarden::store;
using kw::result;

//[record_store
struct archetype {
  static constexpr std::string_view kind = "archetype";
  result<std::optional<store::stored_record>> get(const kw::record_name&);
  result<std::vector<kw::record_name>> list(std::string_view);
  result<void> commit(const store::transaction&);
};
static_assert(store::record_store<archetype>);
//]

struct without_kind : archetype {
  static void kind();
};
struct immovable : archetype {
  immovable(immovable&&) = delete;
};
struct with_unchecked_names : archetype {
  struct only_text {
    only_text(std::string_view);
  };
  result<std::optional<store::stored_record>> get(const only_text&);
};
struct without_absence : archetype {
  result<store::stored_record> get(const kw::record_name&);
};
struct without_errors : archetype {
  std::optional<store::stored_record> get(const kw::record_name&);
};
struct that_lists_text : archetype {
  result<std::vector<std::string>> list(std::string_view);
};
struct without_prefix : archetype {
  result<std::vector<kw::record_name>> list();
};
struct that_changes_transactions : archetype {
  result<void> commit(store::transaction&);
};
struct that_reports_nothing : archetype {
  void commit(const store::transaction&);
};
static_assert(!store::record_store<without_kind>);
static_assert(!store::record_store<immovable>);
static_assert(!store::record_store<with_unchecked_names>);
static_assert(!store::record_store<without_absence>);
static_assert(!store::record_store<without_errors>);
static_assert(!store::record_store<that_lists_text>);
static_assert(!store::record_store<without_prefix>);
static_assert(!store::record_store<that_changes_transactions>);
static_assert(!store::record_store<that_reports_nothing>);
static_assert(!store::record_store<int>);

// A transaction is a value; a change of a name that was never parsed cannot be spelled.
static_assert(std::copyable<store::transaction>);
static_assert(!std::is_convertible_v<std::string_view, kw::record_name>);
static_assert(!std::is_convertible_v<std::uint64_t, store::revision>);

// Watches, and the stores that give them.
struct watch {
  result<bool> wait(std::chrono::milliseconds, std::stop_token);
};
struct watch_without_errors {
  bool wait(std::chrono::milliseconds, std::stop_token);
};
struct watch_without_stop {
  result<bool> wait(std::chrono::milliseconds);
};
static_assert(store::store_watch<watch>);
static_assert(!store::store_watch<watch_without_errors>);
static_assert(!store::store_watch<watch_without_stop>);
static_assert(!store::store_watch<int>);

struct watched : archetype {
  using watch_type = struct watch;
  result<struct watch> watch();
};
struct watched_by_nothing : archetype {
  using watch_type = int;
  result<int> watch();
};
static_assert(store::watched_store<watched>);
static_assert(!store::watched_store<archetype>);
static_assert(!store::watched_store<watched_by_nothing>);

}  // namespace store_concepts_static
