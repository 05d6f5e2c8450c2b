// The concept connection_rule: an archetype that satisfies it, and for each requirement a type that
// lacks only that. What composing rules costs in size. The defaults, literally.

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/concurrent_connections.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace static_admit {

namespace kw = keywarden;
namespace admit = keywarden::admit;
using admit::address;
using admit::network;
using kw::result;

//[connection_rule
struct lease {
  lease(lease&&) = default;
  lease& operator=(lease&&) = default;
};

struct named {
  static constexpr std::string_view name = "named";
};
struct archetype : named {
  using permit = lease;
  result<lease> admit(const address&, admit::instant) const;
};
static_assert(admit::connection_rule<archetype>);
//]

struct without_name : archetype {
  static void name();
};
struct without_permit : named {
  result<lease> admit(const address&, admit::instant) const;
};
struct with_a_permit_to_copy : archetype {
  struct permit {};
  result<permit> admit(const address&, admit::instant) const;
};
struct with_a_permit_that_throws : archetype {
  struct permit {
    permit(permit&&) noexcept(false);
    permit& operator=(permit&&);
  };
  result<permit> admit(const address&, admit::instant) const;
};
struct with_a_fixed_permit : archetype {
  struct permit {
    permit(permit&&) = delete;
  };
  result<permit> admit(const address&, admit::instant) const;
};
struct that_answers_yes_or_no : archetype {
  bool admit(const address&, admit::instant) const;
};
struct without_errors : archetype {
  lease admit(const address&, admit::instant) const;
};
struct that_gives_no_lease : archetype {
  result<void> admit(const address&, admit::instant) const;
};
struct that_looks_at_its_own_clock : archetype {
  result<lease> admit(const address&) const;
};
struct of_one_thread : archetype {
  result<lease> admit(const address&, admit::instant);
};
struct that_changes_addresses : archetype {
  result<lease> admit(address&, admit::instant) const;
};
struct not_copyable : archetype {
  not_copyable(not_copyable&&) = default;
};
static_assert(!admit::connection_rule<without_name>);
static_assert(!admit::connection_rule<without_permit>);
static_assert(!admit::connection_rule<with_a_permit_to_copy>);
static_assert(!admit::connection_rule<with_a_permit_that_throws>);
static_assert(!admit::connection_rule<with_a_fixed_permit>);
static_assert(!admit::connection_rule<that_answers_yes_or_no>);
static_assert(!admit::connection_rule<without_errors>);
static_assert(!admit::connection_rule<that_gives_no_lease>);
static_assert(!admit::connection_rule<that_looks_at_its_own_clock>);
static_assert(!admit::connection_rule<of_one_thread>);
static_assert(!admit::connection_rule<that_changes_addresses>);
static_assert(!admit::connection_rule<not_copyable>);
static_assert(!admit::connection_rule<int>);

// Compositions are rules, and their permits are tuples.
using usual = admit::all_of<admit::network_acl, admit::connection_rate>;
using nested = admit::all_of<admit::anyone, usual, admit::concurrent_connections>;
static_assert(admit::connection_rule<usual> && admit::connection_rule<nested>);
static_assert(
    std::same_as<usual::permit, std::tuple<admit::stateless_permit, admit::stateless_permit>>);
static_assert(std::same_as<nested::permit, std::tuple<admit::stateless_permit, usual::permit,
                                                      admit::concurrent_connections::permit>>);
static_assert(std::default_initializable<usual> && std::default_initializable<nested>);

// A rule holds a pointer to what its copies share; stateless rules and composing take no space.
constexpr auto shared = sizeof(std::shared_ptr<int>);
static_assert(std::is_empty_v<admit::anyone> && std::is_empty_v<admit::all_of<admit::anyone>>);
static_assert(sizeof(admit::network_acl) == shared && sizeof(admit::connection_rate) == shared &&
              sizeof(admit::concurrent_connections) == shared);
static_assert(sizeof(usual) == 2 * shared);
static_assert(sizeof(admit::all_of<admit::anyone, admit::network_acl>) == shared);
static_assert(sizeof(nested) == 3 * shared);

// A permit of stateless rules is empty; a lease knows whose place it gives back.
static_assert(std::is_empty_v<admit::stateless_permit>);
static_assert(sizeof(admit::concurrent_connections::permit) == shared + sizeof(address));
static_assert(!std::copyable<usual::permit> && !std::copyable<nested::permit>);
static_assert(std::is_nothrow_move_constructible_v<nested::permit> &&
              std::is_nothrow_destructible_v<nested::permit>);

// The defaults: 100 connections in 2000 ms, 20 at a time.
static_assert(admit::rate_limits{} ==
              admit::rate_limits{100, std::chrono::milliseconds(2000), 16'384});
static_assert(admit::concurrency_limits{} == admit::concurrency_limits{20, 1'000});
static_assert(admit::otherwise{} == admit::otherwise::deny);

// An address is a value of 16 bytes, and the two spellings of an IPv4 address are one.
static_assert(std::regular<address> && sizeof(address) == 16);
static_assert(std::copyable<network> && std::equality_comparable<network>);
static_assert(!std::is_convertible_v<const char*, address> &&
              !std::is_convertible_v<std::string, network>);
static_assert(address("192.0.2.1") == address("::ffff:192.0.2.1"));
static_assert(address("192.0.2.1") == address("::FFFF:c000:201"));
static_assert(address("192.0.2.1").is_v4() && !address("::192.0.2.1").is_v4());
static_assert(address("::") == address{} && !address{}.is_v4());
static_assert(address("::1") != address("0.0.0.1"));
static_assert(address("127.0.0.1") == address::v4({127, 0, 0, 1}));
static_assert(address("2001:db8::1") ==
              address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
static_assert(!address::read("01.2.3.4") && !address::read("1:2:3:4:5:6:7::8"));

static_assert(network("10.0.0.0/8").contains(address("10.255.255.255")));
static_assert(!network("10.0.0.0/8").contains(address("11.0.0.0")));
static_assert(network("0.0.0.0/0").contains(address("::ffff:1.2.3.4")));
static_assert(!network("0.0.0.0/0").contains(address("2001:db8::1")));
static_assert(!network("::/0").contains(address("1.2.3.4")));
static_assert(network("::/0").contains(address("2001:db8::1")));
static_assert(!network::read("10.0.0.1/8") && !network::read("10.0.0.0/33"));
static_assert(network::around(address("10.0.0.1"), 8) == network("10.0.0.0/8"));
static_assert(!network::around(address("10.0.0.1"), 33));

// SipHash-2-4 of 00 01 … 0f under the key 00 01 … 0f: the authors' own test vector.
constexpr std::array<std::uint8_t, 16> counted{0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};
static_assert(admit::detail::siphash({0x0706050403020100U, 0x0f0e0d0c0b0a0908U}, counted) ==
              0x3f2acc7f57c29bdbU);

}  // namespace static_admit
