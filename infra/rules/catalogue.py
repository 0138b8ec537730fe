"""The rules of the domain (R) and what must hold of every history (I), each in a few words."""

from __future__ import annotations

RULES: dict[str, str] = dict(
    line.split(" ", 1)
    for line in """
R01 A letter waits until the survivor asks for it
R02 Its writer is promised nothing, and hears "deposited" at most
R03 Nothing of letters reaches parole, custody or supervision
R04 Letters never pass directly; the bank is the only path
R05 Only screened letters enter the bank
R06 Whoever did not register is never told that a letter exists
R07 A dialogue opens by the survivor's own command only
R08 Both take part voluntarily, each by their own agreement
R09 Withdraw at any time, from any state, without a reason
R10 A dialogue never touches prison, parole or supervision
R11 Never pressure: say once that it exists, then wait
R12 The survivor sets how involved they are, and changes it
R13 Contact law and no-contact orders come first
R14 A dialogue is for answers, impact, responsibility; nothing is required
R15 An impact panel: to groups, never one's own, by the session
R16 More observers only if every speaker agrees
R17 Input on community service is possible, never required
R18 Court-ordered service is not voluntary repair
R19 Intimate-partner violence blocks joint sessions unless cleared
R20 Danger is assessed anew before a release from custody
R21 Every advocate has a base, and the survivor sees it
R22 The limits of confidentiality are explained before collecting
R23 A community advocate's data flows to justice by no default
R24 Community help needs no case, report or recency
R25 People under supervision can be survivors too
R26 Notices of what one asked to hear of
R27 The directory covers both sectors, and is read unseen
R28 What exists is shown; survivors refer themselves
R29 Teams across agencies share practice, never cases
R30 Healing spaces are closed to the prosecutor
R31 Data is bound to the purpose it was given for
R32 Before a joint session the harm is owned
R33 Both must be willing; a court order is no consent
R34 One claim, plain status, next step
R35 Cost, cap, award and the gap are recorded
R36 Which rule blocked, and what can be done
R37 Needs in the survivor's own words
R38 Several real options, not "prison or nothing"
R39 Taking part in justice is the survivor's choice
R40 Restorative justice at every point
R41 Nobody learns whether or what the survivor answered to a diversion
R42 Surrogates by choice, with their own consent
R43 Support people for both sides, consented by whom they support
R44 Training and preparation come before a circle
R45 Agreements are concrete actions
R46 Progress is monitored; the survivor chooses whether to hear
R47 A safety plan and safe contact: the survivor's own, sealed
R48 Anger and refusal are legitimate, and unscored
R49 Satisfaction is asked apart from identity, voluntarily
R50 One person, many roles, kept apart
R51 What is told in story groups is never used again
R52 The accountability group needs no survivor
R53 The voluntary group feeds no court
R54 Family circles: consent for each person
R55 Being in one room is one option of several
R56 A survivor may want the family kept together
R57 The agency's own words; "restorative" is optional
R58 Community members have roles
R59 No immigration status, no way to enforcement
R60 Safe exit on every page
R61 The accused's own agency is no default recipient
R62 No record check
R63 Crisis teams without police are listed
R64 Language, culture and identity are searchable
R65 Trauma recovery centres are a type
R66 Peers connect by double opt-in
R67 Stories need their own, revocable consent
R68 Equity only in aggregate
R69 Changes of policy carry the survivors' council's word
R70 The responsible person's needs are a file apart
R71 A yes that staff record waits for its confirmation; a no acts at once
R72 Harm has many people: one's no is never another's
R73 Danger comes first
R74 A survivor can begin alone
I01 Every dialogue begins with the survivor's own request
I02 Every letter released was accepted, asked for, identified, checked
I03 Every disclosure lies within a live grant
I04 After a withdrawal nothing touches that participation
I05 No offer repeats what was declined
I06 No service narrows because of a no
I07 Nothing of letters or dialogues goes to custody, parole, supervision
I08 A joint session has its clearances
I09 Every message cites a preference live at sending
I10 Every denial names its rule and the way to appeal
I11 Every choice that answers an offer had two real options
I12 Every attendee consented
I13 Yeses are decided by who is entitled, and by no timer
I14 Every published message is of a released schema, ids only
I15 Positions are dense, and in the ledger
I16 Every confirmed yes has its confirmation before its effect
""".strip().splitlines()
)
