-- payment_access: who may see and begin payments of a purchase: its buyer, the guest who has the token that it was bought
-- with, and staff.
-- Needs: caller token is_any
-- Gives: may_reach
local function may_reach(buyer, guest)
  if is_any == '1' then
    return buyer and true
  end
  return (caller ~= '' and buyer == caller) or (token ~= '' and guest == token)
end
