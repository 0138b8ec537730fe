"""Who stands beside a survivor, and who of them may write down what the survivor decided.

The same in every service that records a survivor's decisions (decision record
0015): a new one takes this, and adds what only its own decisions need.
"""
