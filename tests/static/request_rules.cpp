// The concepts request_rule and client_identity: archetypes that satisfy them, and for each
// requirement a type that lacks only that. The defaults, literally, and what tables take.

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/all_requests.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/dry_run.hpp>
#include <keywarden/admit/dynamic_ip_restrictions.hpp>
#include <keywarden/admit/exempt.hpp>
#include <keywarden/admit/generic_cell_rate.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace static_request_rules {

namespace kw = keywarden;
namespace admit = keywarden::admit;
using admit::address;
using admit::deny_action;
using admit::deny_status;
using kw::result;

//[request_rule
struct lease {
  lease(lease&&) = default;
  lease& operator=(lease&&) = default;
};

struct named {
  static constexpr std::string_view name = "named";
};
struct archetype : named {
  using permit = lease;
  result<lease> admit(const admit::request&, admit::instant) const;
};
static_assert(admit::request_rule<archetype>);
//]

struct without_name : archetype {
  static void name();
};
struct without_permit : named {
  result<lease> admit(const admit::request&, admit::instant) const;
};
struct with_a_permit_to_copy : archetype {
  struct permit {};
  result<permit> admit(const admit::request&, admit::instant) const;
};
struct with_a_permit_that_throws : archetype {
  struct permit {
    permit(permit&&) noexcept(false);
    permit& operator=(permit&&);
  };
  result<permit> admit(const admit::request&, admit::instant) const;
};
struct with_a_fixed_permit : archetype {
  struct permit {
    permit(permit&&) = delete;
  };
  result<permit> admit(const admit::request&, admit::instant) const;
};
struct that_answers_yes_or_no : archetype {
  bool admit(const admit::request&, admit::instant) const;
};
struct without_errors : archetype {
  lease admit(const admit::request&, admit::instant) const;
};
struct that_gives_no_lease : archetype {
  result<void> admit(const admit::request&, admit::instant) const;
};
struct that_looks_at_its_own_clock : archetype {
  result<lease> admit(const admit::request&) const;
};
struct of_one_thread : archetype {
  result<lease> admit(const admit::request&, admit::instant);
};
struct that_changes_requests : archetype {
  result<lease> admit(admit::request&, admit::instant) const;
};
struct of_connections : archetype {
  result<lease> admit(const address&, admit::instant) const;
};
struct not_copyable : archetype {
  not_copyable(not_copyable&&) = default;
};
static_assert(!admit::request_rule<without_name>);
static_assert(!admit::request_rule<without_permit>);
static_assert(!admit::request_rule<with_a_permit_to_copy>);
static_assert(!admit::request_rule<with_a_permit_that_throws>);
static_assert(!admit::request_rule<with_a_fixed_permit>);
static_assert(!admit::request_rule<that_answers_yes_or_no>);
static_assert(!admit::request_rule<without_errors>);
static_assert(!admit::request_rule<that_gives_no_lease>);
static_assert(!admit::request_rule<that_looks_at_its_own_clock>);
static_assert(!admit::request_rule<of_one_thread>);
static_assert(!admit::request_rule<that_changes_requests>);
static_assert(!admit::request_rule<of_connections>);
static_assert(!admit::request_rule<not_copyable>);
static_assert(!admit::request_rule<int>);

// Nobody takes a rule of the one kind for one of the other.
using ready = admit::dynamic_ip_restrictions;
static_assert(admit::connection_rule<of_connections> && !admit::connection_rule<archetype>);
static_assert(!admit::request_rule<admit::connection_rate> &&
              !admit::request_rule<admit::all_of<admit::anyone>> &&
              !admit::connection_rule<admit::request_rate<>> && !admit::connection_rule<ready>);

// Whose a request is.
//[client_identity
struct client_archetype {
  address client(const admit::request&) const;
};
//]
struct that_knows_no_client {};
struct that_may_find_none {
  std::optional<address> client(const admit::request&) const;
};
struct that_remembers {
  address client(const admit::request&);
};
struct only_one {
  only_one(only_one&&) = default;
  address client(const admit::request&) const;
};
static_assert(admit::client_identity<client_archetype>);
static_assert(!admit::client_identity<that_knows_no_client>);
static_assert(!admit::client_identity<that_may_find_none>);
static_assert(!admit::client_identity<that_remembers>);
static_assert(!admit::client_identity<only_one>);
static_assert(admit::request_rule<admit::request_rate<admit::trusted_proxies>> &&
              admit::request_rule<admit::generic_cell_rate<admit::trusted_proxies>> &&
              admit::request_rule<admit::concurrent_requests<admit::trusted_proxies>>);

// Rules over rules are rules; exempting, trying out and composing nest.
using usual = admit::all_requests<admit::concurrent_requests<>, admit::request_rate<>>;
using nested = admit::exempt<admit::dry_run<admit::all_requests<usual, archetype>>>;
static_assert(admit::request_rule<usual> && admit::request_rule<nested> &&
              admit::request_rule<admit::exempt<ready, admit::trusted_proxies>>);
static_assert(
    std::same_as<usual::permit,
                 std::tuple<admit::concurrent_requests<>::permit, admit::stateless_permit>>);
static_assert(std::default_initializable<usual> && !std::default_initializable<nested>);
static_assert(!std::default_initializable<ready> && !std::copyable<ready::permit> &&
              std::is_nothrow_destructible_v<ready::permit>);

// A rule holds a pointer to what its copies share; what a host costs is what the comments say.
constexpr auto shared = sizeof(std::shared_ptr<int>);
static_assert(sizeof(admit::request_rate<admit::trusted_proxies>) == shared &&
              sizeof(admit::generic_cell_rate<>) == shared &&
              sizeof(admit::concurrent_requests<>) == shared && sizeof(ready) == shared);
static_assert(sizeof(usual) == 2 * shared);
static_assert(sizeof(admit::detail::rate_bucket) <= 50 * admit::bucket_size &&
              sizeof(admit::detail::cell_bucket) == 40 * admit::bucket_size &&
              sizeof(admit::detail::concurrency_bucket) == 32 * admit::bucket_size);

// The defaults: 100 requests in 2000 ms, 20 at a time.
static_assert(admit::request_limits{} ==
              admit::request_limits{100, std::chrono::milliseconds(2000), 16'384});
static_assert(admit::request_concurrency{} == admit::request_concurrency{20, 16'384});
static_assert(admit::cell_limits{}.interval * admit::cell_limits{}.burst ==
              admit::request_limits{}.window);

// The sub-statuses are IIS's, and so are the numbers and names of what a client gets.
static_assert(static_cast<int>(admit::sub_status::concurrent_requests) == 501 &&
              static_cast<int>(admit::sub_status::request_rate) == 502);
static_assert(std::regular<std::optional<deny_action>> && sizeof(deny_action) == 2);
static_assert(admit::iis_deny_action == deny_status::forbidden &&
              admit::split_merge_deny_action == deny_action::abort());
static_assert(deny_action::abort().number() == 0 && !deny_action::abort().status() &&
              deny_action::abort().aborts());
static_assert(deny_action(deny_status::unauthorized).number() == 401 &&
              deny_action(deny_status::forbidden).number() == 403 &&
              deny_action(deny_status::not_found).number() == 404);
static_assert(deny_action(deny_status::not_found).status() == deny_status::not_found &&
              !deny_action(deny_status::not_found).aborts());
static_assert(deny_action::read("AbortRequest") == deny_action::abort() &&
              deny_action::read("Unauthorized") == deny_status::unauthorized &&
              deny_action::read("Forbidden") == deny_status::forbidden &&
              deny_action::read("NotFound") == deny_status::not_found);
static_assert(!deny_action::read("forbidden") && !deny_action::read("") &&
              !deny_action::read("Abort") && !deny_action::read("403"));
static_assert(deny_action::of(0) == deny_action::abort() &&
              deny_action::of(403) == deny_status::forbidden);
static_assert(!deny_action::of(1) && !deny_action::of(200) && !deny_action::of(402) &&
              !deny_action::of(65'536 + 403));
static_assert(!std::default_initializable<deny_action> && !std::convertible_to<int, deny_action>);

// What X-Forwarded-For may hold.
static_assert(admit::detail::read_forwarded("192.0.2.1:80") == address("192.0.2.1"));
static_assert(admit::detail::read_forwarded("[2001:db8::1]:80") == address("2001:db8::1"));
static_assert(admit::detail::read_forwarded("2001:db8::1") == address("2001:db8::1"));
static_assert(!admit::detail::read_forwarded("unknown") && !admit::detail::read_forwarded("") &&
              !admit::detail::read_forwarded("_id") && !admit::detail::read_forwarded("[") &&
              !admit::detail::read_forwarded("[192.0.2.1]"));

}  // namespace static_request_rules
