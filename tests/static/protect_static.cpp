// The concept key_protector, and what compositions promise: survives, strength, quantum_safe,
// requirements_of.
#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/protect/wrapped_by.hpp>

namespace keywarden {
namespace protect_static {

using protect::account;
using protect::all_of;
using protect::any_of;
using protect::key_protector;
using protect::machine;
using protect::self_healing;
using protect::service_master_key;
using protect::threshold;
using protect::wrapped_by;
using person = protect::password<crypto::argon2id<>>;
using frugal_person = protect::password<crypto::pbkdf2_sha256<>>;
using hybrid = protect::recipient<crypto::x_wing>;
using curve = protect::recipient<crypto::dhkem_p256>;
using rsa = protect::recipient<crypto::rsa_oaep<>>;

// The design's one screen.
struct production {
  using service_key = self_healing<any_of<account, machine>>;
  using database_key = any_of<service_master_key, person>;
};
static_assert(survives<production::service_key, loss::account>);
static_assert(survives<production::service_key, loss::machine>);
static_assert(!survives<production::service_key, loss::account, loss::machine>);
static_assert(survives<production::database_key, loss::parent_key>);
static_assert(survives<production::database_key, loss::password>);
static_assert(!survives<production::database_key, loss::parent_key, loss::password>);

// Losses of what is not used change nothing; no loss at all neither.
static_assert(survives<production::service_key>);
static_assert(survives<production::service_key, loss::password, loss::recipient, loss::parent_key>);
static_assert(!survives<account, loss::account> && survives<account, loss::machine>);
static_assert(!survives<machine, loss::machine> && survives<machine, loss::account>);
static_assert(!survives<person, loss::password>);
static_assert(!survives<service_master_key, loss::parent_key>);
static_assert(!survives<hybrid, loss::recipient>);
static_assert(!survives<all_of<account, machine>, loss::account>);
static_assert(survives<threshold<2, account, machine, person>, loss::account>);
static_assert(!survives<threshold<2, account, machine, person>, loss::account, loss::machine>);
static_assert(survives<threshold<2, account, person, person>, loss::account>);
static_assert(!survives<threshold<2, account, person, person>, loss::password>);
static_assert(survives<all_of<any_of<account, machine>, any_of<person, hybrid>>, loss::account,
                       loss::password>);
static_assert(!survives<all_of<any_of<account, machine>, any_of<person, hybrid>>, loss::account,
                        loss::machine>);

// As strong as the weakest way in; a password never counts as bits.
static_assert(strength<account> == 256 && strength<machine> == 256 &&
              strength<service_master_key> == 256);
static_assert(strength<person> == 0 && strength<frugal_person> == 0);
static_assert(strength<hybrid> == 128 && strength<curve> == 128 && strength<rsa> == 128);
static_assert(strength<rsa> == crypto::rsa_oaep<>::strength);
static_assert(strength<any_of<account, person>> == 0);
static_assert(strength<any_of<account, hybrid>> == 128);
static_assert(strength<all_of<account, machine>> == 256);
static_assert(strength<all_of<curve, machine>> == 256);
static_assert(strength<all_of<person, person>> == 0);
static_assert(strength<threshold<2, person, person, machine>> == 0);
static_assert(strength<threshold<3, person, person, machine>> == 128);
static_assert(strength<threshold<2, person, machine, machine>> == 128);
static_assert(strength<threshold<2, curve, machine, machine>> == 256);
// A slot that a person opens keeps a hybrid key pair, so it has no more bits than that.
static_assert(strength<all_of<machine, person>> == 128);

// Whatever a password alone opens does not satisfy a floor of bits.
constexpr requirements some_bits{128, 0, false, {}};
static_assert(!satisfies(requirements_of<person>, some_bits));
static_assert(!satisfies(requirements_of<any_of<account, person>>, some_bits));
static_assert(!satisfies(requirements_of<any_of<account, any_of<machine, frugal_person>>>,
                         some_bits));
static_assert(!satisfies(requirements_of<threshold<2, person, person, person>>, some_bits));
static_assert(!satisfies(requirements_of<all_of<person, frugal_person>>, some_bits));
static_assert(!satisfies(requirements_of<all_of<any_of<machine, person>, person>>, some_bits));
static_assert(satisfies(requirements_of<all_of<machine, person>>, some_bits));

// The guess cost is that of the cheapest guess that opens.
static_assert(requirements_of<machine>.guess_cost == requirements::unguessable);
static_assert(requirements_of<person>.guess_cost == 21);  // 64 MiB in 3 passes: 3 * 2^20 blocks
static_assert(requirements_of<frugal_person>.guess_cost == 20);  // 600,000 rounds of 2 blocks
static_assert(requirements_of<any_of<person, frugal_person>>.guess_cost == 20);
static_assert(requirements_of<all_of<person, frugal_person>>.guess_cost == 21);
static_assert(requirements_of<all_of<person, machine>>.guess_cost == requirements::unguessable);
static_assert(requirements_of<threshold<2, person, frugal_person, machine>>.guess_cost == 21);

// One classical way in is enough to lose quantum safety, and one safe leg of all is enough to keep
// it.
static_assert(quantum_safe<account> && quantum_safe<machine> && quantum_safe<person> &&
              quantum_safe<hybrid>);
static_assert(!quantum_safe<curve> && !quantum_safe<rsa>);
static_assert(!quantum_safe<any_of<hybrid, curve>>);
static_assert(!quantum_safe<any_of<any_of<hybrid, machine>, rsa>>);
static_assert(quantum_safe<all_of<hybrid, curve>>);
static_assert(!quantum_safe<all_of<rsa, curve>>);
static_assert(quantum_safe<threshold<2, curve, hybrid, hybrid>>);
static_assert(!quantum_safe<threshold<2, curve, rsa, hybrid>>);
static_assert(quantum_safe<threshold<3, curve, rsa, hybrid>>);

// Bound to what every way in needs.
static_assert(requirements_of<all_of<account, machine>>.bound_to ==
              factors{factor::account, factor::machine});
static_assert(requirements_of<any_of<account, machine>>.bound_to.empty());
static_assert(requirements_of<all_of<account, any_of<machine, person>>>.bound_to ==
              factors{factor::account});
static_assert(requirements_of<any_of<all_of<account, machine>, all_of<machine, person>>>.bound_to ==
              factors{factor::machine});
static_assert(requirements_of<threshold<2, person, person, machine>>.bound_to ==
              factors{factor::password});
static_assert(requirements_of<threshold<2, person, account, machine>>.bound_to.empty());

// An alternative never undercuts the composition it is part of, so its slot can always be added.
template <class Whole, class... Parts>
constexpr bool none_undercuts = (satisfies(requirements_of<Parts>, requirements_of<Whole>) && ...);
static_assert(none_undercuts<any_of<account, person>, account, person>);
static_assert(none_undercuts<any_of<hybrid, curve, machine>, hybrid, curve, machine>);
static_assert(none_undercuts<self_healing<any_of<account, machine>>, account, machine>);

// Every model, and combinations of combinations.
static_assert(key_protector<account> && key_protector<machine>);
static_assert(key_protector<person> && key_protector<frugal_person>);
static_assert(key_protector<wrapped_by<role::symmetric_key>>);
static_assert(key_protector<hybrid> && key_protector<curve> && key_protector<rsa>);
static_assert(key_protector<protect::recipient<crypto::dhkem_x25519>>);
static_assert(key_protector<production::service_key> && key_protector<production::database_key>);
static_assert(
    key_protector<all_of<any_of<account, machine>, threshold<2, person, person, hybrid>>>);
template <class Protector>
constexpr bool heals = requires {
  requires Protector::heals;
};
static_assert(heals<production::service_key> && !heals<any_of<account, machine>> &&
              !heals<account>);

// How many candidates a combination can give.
static_assert(any_of<account, machine>::candidates == 2);
static_assert(all_of<any_of<account, machine>, any_of<account, machine, person>>::candidates == 6);
static_assert(threshold<2, account, machine, person>::candidates == 3);
static_assert(threshold<2, any_of<account, machine>, machine, person>::candidates == 5);
static_assert(
    threshold<4, person, person, person, person, person, person, person, person>::candidates == 70);

// The least that the concept asks for.
//[key_protector
struct archetype {
  static std::string scheme();
  static constexpr requirements offers{};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors) noexcept { return true; }
  result<stored_json> hide(const secret_key&, const protect::slot_context&) const;
  result<bool> recover(const nlohmann::json&, const protect::slot_context&,
                       const protect::candidate_check&) const;
};
static_assert(key_protector<archetype>);
//]
static_assert(key_protector<all_of<archetype, any_of<archetype>>>);

// One near-miss for each requirement.
struct not_movable : archetype {
  not_movable(const not_movable&) = delete;
  not_movable& operator=(const not_movable&) = delete;
};
static_assert(!key_protector<not_movable>);
struct scheme_as_a_view : archetype {
  static std::string_view scheme();
};
static_assert(!key_protector<scheme_as_a_view>);
struct offers_a_number : archetype {
  static constexpr unsigned offers = 128;
};
static_assert(!key_protector<offers_a_number>);
struct interactive_by_name : archetype {
  static constexpr std::string_view interactive = "no";
};
static_assert(!key_protector<interactive_by_name>);
struct survives_everything : archetype {
  static constexpr bool opens_without() noexcept { return true; }
};
static_assert(!key_protector<survives_everything>);
struct hides_without_a_place : archetype {
  result<stored_json> hide(const secret_key&) const;
};
static_assert(!key_protector<hides_without_a_place>);
struct hides_as_text : archetype {
  result<std::string> hide(const secret_key&, const protect::slot_context&) const;
};
static_assert(!key_protector<hides_as_text>);
struct hides_once : archetype {
  result<stored_json> hide(const secret_key&, const protect::slot_context&);
};
static_assert(!key_protector<hides_once>);
struct takes_the_key : archetype {
  result<stored_json> hide(secret_key&&, const protect::slot_context&) const;
};
static_assert(!key_protector<takes_the_key>);
struct recovers_the_key_itself : archetype {
  result<secret_key> recover(const nlohmann::json&, const protect::slot_context&,
                             const protect::candidate_check&) const;
};
static_assert(!key_protector<recovers_the_key_itself>);
struct recovers_without_a_check : archetype {
  result<bool> recover(const nlohmann::json&, const protect::slot_context&) const;
};
static_assert(!key_protector<recovers_without_a_check>);
struct recovers_once : archetype {
  result<bool> recover(const nlohmann::json&, const protect::slot_context&,
                       const protect::candidate_check&);
};
static_assert(!key_protector<recovers_once>);
static_assert(!key_protector<int> && !key_protector<void> && !key_protector<factor>);
static_assert(!key_protector<const account>);

// An opened record is not copied, and an opened key is not a record.
static_assert(std::movable<opened_record> && !std::copy_constructible<opened_record>);
static_assert(std::copyable<key_record>);

}  // namespace protect_static

}  // namespace keywarden
